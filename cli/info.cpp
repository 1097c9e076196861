#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/picture_metadata.h"
#include "mflux/base/error.h"
#include "mflux/image/png.h"

namespace mflux::cli {
namespace {

/// The object that `mflux generate` stored; null when there is none.
Json stored_metadata(const PngTexts& texts) {
  for (const auto& [key, text] : texts) {
    if (key == kMetadataKey) {
      return with_context(key, [&text = text] { return parse_json(text); });
    }
  }
  return nullptr;
}

void print_json(const std::filesystem::path& path, const PngTexts& texts, const Json& metadata) {
  Json all = Json::object();
  for (const auto& [key, text] : texts) {
    all[key] = text;
  }
  const Json out{{"schema", 1}, {"image", path.string()}, {"metadata", metadata}, {"texts", all}};
  fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void print_text(const PngTexts& texts, const Json& metadata) {
  for (const auto& [key, value] : metadata.items()) {
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    fmt::print("{:20}{}\n", printable(key), printable(text));
  }
  for (const auto& [key, text] : texts) {
    if (metadata.is_null()) {
      fmt::print("{:20}{}\n", printable(key), printable(text));
    }
  }
}

Exit show(const Session& session, const std::filesystem::path& path) {
  const PngTexts texts = read_png_texts(path);
  const Json metadata = with_context(path.string(), [&texts] { return stored_metadata(texts); });
  if (session.json) {
    print_json(path, texts, metadata);
  } else if (texts.empty()) {
    fmt::print("{} holds no metadata\n", printable(path.string()));
  } else {
    print_text(texts, metadata);
  }
  return texts.empty() ? kAnswerIsNo : kSuccess;
}

} // namespace

void add_info(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("info", "Show the metadata stored in a PNG");
  auto path = std::make_shared<std::filesystem::path>();
  command->add_option("IMAGE", *path, "A PNG")->required();
  command->footer("Exits with 1 when it holds none.\nExample: mflux info a_red_apple.png");
  command->callback(
      [&session, path] { session.work = [&session, path] { return show(session, *path); }; });
}

} // namespace mflux::cli
