#include "mflux/tokenizers/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/tokenizers/tokenizer_json.h"

namespace mflux::tokenizers {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultToken = "<|endoftext|>"; // Qwen2Tokenizer's own

template <typename Read>
void read_part(const fs::path& path, Read&& read) {
  with_context(path.string(), std::forward<Read>(read));
}

int32_t id_of(const std::string& text) {
  int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    throw Error(fmt::format("added_tokens_decoder: \"{}\" is no id", text));
  }
  return id;
}

/// A token named as plain text or as an AddedToken's object.
std::string token_named(const Json& value, const std::string& where) {
  if (value.is_object()) {
    return JsonReader(value, where).require<std::string>("content");
  }
  if (!value.is_string()) {
    throw Error(fmt::format("{} is {}, expected a token", where, value.dump()));
  }
  return value.get<std::string>();
}

/// `key`'s token; Qwen2Tokenizer's default where it is absent, nothing where it is null.
std::optional<std::string> token_of(const Json& config, const char* key) {
  if (!config.contains(key)) {
    return kDefaultToken;
  }
  const Json& value = config.at(key);
  return value.is_null() ? std::nullopt : std::optional(token_named(value, key));
}

void require_value(const Json& config, const char* key, const Json& expected) {
  if (config.contains(key) && !config.at(key).is_null() && config.at(key) != expected) {
    throw Error(
        fmt::format("{} is {}; only {} is supported", key, config.at(key).dump(), expected.dump()));
  }
}

void check_config(const Json& config, bool has_tokenizer_json) {
  if (config.contains("tokenizer_class") && !config.at("tokenizer_class").is_null()) {
    const Json& name = config.at("tokenizer_class");
    constexpr std::array known{
        "Qwen2Tokenizer", "Qwen2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"};
    if (std::none_of(known.begin(), known.end(), [&](const char* it) { return name == it; })) {
      throw Error(fmt::format("tokenizer_class is {}, expected Qwen2Tokenizer", name.dump()));
    }
  }
  for (const char* key : {"add_prefix_space", "split_special_tokens"}) {
    require_value(config, key, false);
  }
  if (!has_tokenizer_json) { // beside a tokenizer.json the reference does not read these
    require_value(config, "add_bos_token", false);
    require_value(config, "add_eos_token", false);
  }
  for (const char* key : {"padding_side", "truncation_side"}) {
    require_value(config, key, "right");
  }
}

std::vector<AddedToken> added_tokens_of(const Json& decoder) {
  if (!decoder.is_object()) {
    throw Error("added_tokens_decoder is no JSON object");
  }
  std::vector<AddedToken> tokens;
  for (const auto& item : decoder.items()) {
    const auto where = fmt::format("added_tokens_decoder: {}", item.key());
    tokens.push_back(read_added_token(item.value(), id_of(item.key()), where));
  }
  return tokens;
}

/// Two files that list added tokens must agree: the reference takes one and drops the other.
void take_added_tokens(
    std::vector<AddedToken> listed, bool has_tokenizer_json, TokenizerFiles& files) {
  const auto by_id = [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; };
  std::sort(listed.begin(), listed.end(), by_id);
  std::sort(files.added.begin(), files.added.end(), by_id);
  if (has_tokenizer_json && listed != files.added) {
    throw Error(
        "added_tokens_decoder differs from the added_tokens of tokenizer.json; make them agree");
  }
  files.added = std::move(listed);
}

/// The one template, or the one named "default".
std::optional<std::string> template_of(const Json& config) {
  if (!config.contains("chat_template") || config.at("chat_template").is_null()) {
    return std::nullopt;
  }
  const Json& value = config.at("chat_template");
  if (value.is_string()) {
    return value.get<std::string>();
  }
  for (const auto& entry : value.is_array() ? value : Json::array()) {
    JsonReader reader(entry, "chat_template");
    if (reader.require<std::string>("name") == "default") {
      return reader.require<std::string>("template");
    }
  }
  throw Error("chat_template is neither a text nor a list with one named \"default\"");
}

void check_named_tokens(const Json& config, const TokenizerFiles& files) {
  const auto is_known = [&](const std::string& token) {
    return std::any_of(files.added.begin(), files.added.end(), [&](const AddedToken& added) {
      return added.content == token;
    });
  };
  const auto check = [&](const std::string& token, const std::string& where) {
    if (!is_known(token)) {
      throw Error(fmt::format("{} is \"{}\", which is none of the added tokens", where, token));
    }
  };
  for (const char* key : {"pad_token", "eos_token", "unk_token"}) {
    if (const auto token = token_of(config, key)) {
      check(*token, key);
    }
  }
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    for (const auto& value : config.contains(key) ? config.at(key) : Json::array()) {
      check(token_named(value, key), key);
    }
  }
}

void read_config(const fs::path& path, bool has_tokenizer_json, TokenizerFiles& files) {
  const Json config = parse_json(read_file(path));
  JsonReader(config, "tokenizer_config.json");
  check_config(config, has_tokenizer_json);
  if (config.contains("added_tokens_decoder")) {
    take_added_tokens(
        added_tokens_of(config.at("added_tokens_decoder")), has_tokenizer_json, files);
  }
  check_named_tokens(config, files);
  const auto pad = token_of(config, "pad_token");
  if (!pad) {
    throw Error("pad_token is null; prompts are padded, so it must name a token");
  }
  files.pad_token = *pad;
  files.chat_template = template_of(config);
}

} // namespace

TokenizerFiles read_tokenizer_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(fmt::format("no tokenizer folder {}", folder.string()));
  }
  TokenizerFiles files;
  const auto whole = folder / "tokenizer.json", config = folder / "tokenizer_config.json";
  const bool has_whole = fs::exists(whole);
  if (has_whole) {
    read_part(whole, [&] { read_tokenizer_json(whole, files); });
  } else {
    const auto vocabulary = folder / "vocab.json", merges = folder / "merges.txt";
    if (!fs::exists(vocabulary) || !fs::exists(merges)) {
      throw Error(fmt::format(
          "no tokenizer in {}: expected tokenizer.json, or vocab.json and merges.txt",
          folder.string()));
    }
    read_part(vocabulary, [&] { read_vocabulary(vocabulary, files); });
    read_part(merges, [&] { read_merges(merges, files); });
  }
  if (!fs::exists(config)) {
    throw Error(fmt::format(
        "no tokenizer_config.json in {}: it names the padding token and the chat template",
        folder.string()));
  }
  read_part(config, [&] { read_config(config, has_whole, files); });
  if (const auto jinja = folder / "chat_template.jinja"; fs::exists(jinja)) {
    files.chat_template = read_file(jinja);
  }
  return files;
}

} // namespace mflux::tokenizers
