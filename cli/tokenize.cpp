#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/find_model.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/tokenizers/tokenizer.h"

namespace mflux::cli {
namespace {

using tokenizers::Thinking;
using tokenizers::Tokenizer;

struct TokenizeFlags {
  std::string model, text, file;
  bool raw = false, thinking = false;
  int max_length = 0;
};

/// The folder itself, or the one named tokenizer in a model's.
std::filesystem::path tokenizer_folder(const std::string& model) {
  const auto folder = find_model(model);
  const auto inside = folder / "tokenizer";
  return std::filesystem::is_directory(inside) ? inside : folder;
}

std::string read_text(const TokenizeFlags& flags) {
  if (!flags.file.empty()) {
    return read_file(flags.file);
  }
  if (flags.text != "-") {
    return flags.text;
  }
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

std::string text_of(const Tokenizer& tokenizer, int32_t id) {
  return printable(tokenizer.decode({&id, 1}));
}

const char* kind_of(const Tokenizer& tokenizer, int32_t id) {
  return tokenizer.is_special(id) ? "special" : tokenizer.is_added(id) ? "added" : "";
}

Json to_json(const Tokenizer& tokenizer, const tokenizers::Padded& padded) {
  Json out{{"ids", padded.ids}, {"mask", padded.mask}};
  auto& tokens = out["tokens"] = Json::array();
  auto& special = out["special"] = Json::array();
  for (size_t i = 0; i < padded.length; ++i) {
    tokens.push_back(text_of(tokenizer, padded.ids[i]));
    if (tokenizer.is_special(padded.ids[i])) {
      special.push_back(i);
    }
  }
  out["length"] = padded.length;
  out["dropped"] = padded.dropped;
  return out;
}

void print_table(const Tokenizer& tokenizer, const tokenizers::Padded& padded) {
  fmt::print("{:>6}  {:>7}  token\n", "", "id");
  for (size_t i = 0; i < padded.length; ++i) {
    const int32_t id = padded.ids[i];
    const std::string line = fmt::format(
        "{:>6}  {:>7}  {:<16}  {}",
        i,
        id,
        fmt::format("\"{}\"", text_of(tokenizer, id)),
        kind_of(tokenizer, id));
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

std::string summary(const Tokenizer& tokenizer, const tokenizers::Padded& padded) {
  std::string text = fmt::format("{} tokens", padded.length + padded.dropped);
  if (padded.dropped > 0) {
    text += fmt::format(
        ", {} more than the maximum of {}: the last {} are dropped",
        padded.dropped,
        padded.length,
        padded.dropped);
  } else if (padded.ids.size() > padded.length) {
    text += fmt::format(
        ", then {} of padding ({})",
        padded.ids.size() - padded.length,
        text_of(tokenizer, tokenizer.padding_id()));
  }
  return text;
}

Exit run_tokenize(const TokenizeFlags& flags, const Session& session) {
  if (flags.text.empty() == flags.file.empty()) {
    throw Error("tokenize needs a TEXT (- reads standard input) or --file, one of them");
  }
  const auto tokenizer = Tokenizer::load(tokenizer_folder(flags.model));
  const auto given = read_text(flags);
  const auto thinking = flags.thinking ? Thinking::on : Thinking::off;
  const auto ids = tokenizer.encode(flags.raw ? given : tokenizer.chat_prompt(given, thinking));
  const int length = flags.max_length > 0 ? flags.max_length : static_cast<int>(ids.size());
  const auto padded = length > 0 ? tokenizer.pad(ids, length) : tokenizers::Padded{};
  if (session.json) {
    fmt::print("{}\n", to_json(tokenizer, padded).dump());
  } else {
    print_table(tokenizer, padded);
    fmt::print("\n{}\n", summary(tokenizer, padded));
  }
  return kSuccess;
}

} // namespace

void add_tokenize(CLI::App& app, Session& session) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand(
      "tokenize", "Show the tokens that a prompt becomes, chat template included");
  command->add_option("MODEL", flags->model, "Model folder, tokenizer folder, or bundled model")
      ->required();
  command->add_option("TEXT", flags->text, "The prompt; - reads standard input");
  command->add_option("--file", flags->file, "A file with the prompt, taken as it is");
  command->add_flag("--raw", flags->raw, "The text alone, without the chat template");
  command->add_flag("--thinking", flags->thinking, "Leave out the template's empty <think> block")
      ->excludes("--raw");
  command
      ->add_option(
          "--max-length", flags->max_length, "Cut or pad to this many tokens, as pipelines do")
      ->check(CLI::Range(1, 1 << 20));
  command->footer(
      "Example: mflux tokenize emoji \"a red apple\"\n"
      "         mflux tokenize emoji - --raw --json < prompt.txt\n"
      "What is special (<|im_end|>) or added (<think>) is marked; such strings in a prompt become "
      "these tokens.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_tokenize(*flags, session); };
  });
}

} // namespace mflux::cli
