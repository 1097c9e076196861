#include "mflux/parity/images/find_picture.h"

#include <fmt/format.h>

#include <vector>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

const Checkpoint* named(const Dump& dump, const std::string& name) {
  const std::string text = canonical(parse_name(name));
  for (const auto& checkpoint : dump.checkpoints()) {
    if (checkpoint.text == text) {
      return &checkpoint;
    }
  }
  return nullptr;
}

const Checkpoint* likeliest(const Dump& dump) {
  std::vector<const Checkpoint*> pictures;
  for (const auto& checkpoint : dump.checkpoints()) {
    if (checkpoint.picture != artifacts::PictureKind::none) {
      pictures.push_back(&checkpoint);
    }
  }
  if (pictures.size() == 1) {
    return pictures.front();
  }
  if (dump.checkpoints().size() == 1) {
    return &dump.checkpoints().front();
  }
  for (const char* name : {"image.png", "image", "decoded"}) {
    if (const auto* found = named(dump, name);
        found && (pictures.empty() || found->picture != artifacts::PictureKind::none)) {
      return found;
    }
  }
  return nullptr;
}

} // namespace

FoundPicture find_picture(
    const std::filesystem::path& path, const std::optional<std::string>& name) {
  const Dump dump = Dump::open(path);
  const auto* found = name ? named(dump, *name) : likeliest(dump);
  if (!found) {
    throw Error(
        name ? fmt::format("{}: has no checkpoint {}", path.string(), printable(*name))
             : fmt::format(
                   "{}: which picture is meant? Name one of its checkpoints: {}#NAME",
                   path.string(),
                   path.string()));
  }
  const bool is_itself = found->text == path.filename().string();
  FoundPicture out{path.string(), dump.load(*found), found->picture};
  if (std::filesystem::is_directory(path)) {
    out.where = out.kind != artifacts::PictureKind::none
                    ? (path / found->text).string()
                    : fmt::format("{}#{}", path.string(), found->text);
  } else if (!is_itself && dump.checkpoints().size() > 1) {
    out.where += "#" + found->text;
  }
  return out;
}

} // namespace mflux::parity
