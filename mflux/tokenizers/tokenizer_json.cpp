#include "mflux/tokenizers/tokenizer_json.h"

#include <fmt/format.h>

#include <limits>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/tokenizers/words.h"

namespace mflux::tokenizers {
namespace {

std::string shown(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= 120 ? text : text.substr(0, 117) + "…";
}

/// The member `key` of `object`; null where it is absent or no object is there.
Json member(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object.at(key) : Json();
}

[[noreturn]] void refuse(const std::string& what, const Json& seen, std::string_view expected) {
  throw Error(fmt::format(
      "{} is {}, expected {}: only Qwen2's and Qwen3's byte-level BPE is supported",
      what,
      shown(seen),
      expected));
}

void add_token(const std::string& token, const Json& id, TokenizerFiles& files) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (!id.is_number_unsigned() || id.get<uint64_t>() > most) {
    throw Error(
        fmt::format("the token \"{}\" has the id {}, expected a 31-bit number", token, shown(id)));
  }
  files.vocabulary.emplace_back(token, id.get<int32_t>());
}

Merge merge_of(const Json& entry) {
  if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
    return {entry[0].get<std::string>(), entry[1].get<std::string>()};
  }
  if (entry.is_string()) {
    const auto& text = entry.get_ref<const std::string&>();
    const size_t space = text.find(' ');
    if (space != text.npos && text.find(' ', space + 1) == text.npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  throw Error(fmt::format("the merge {} is not two tokens", shown(entry)));
}

/// Qwen's own list of steps, in the order of the file.
void check_words(const Json& pre_tokenizer) {
  const std::string what = "pre_tokenizer";
  const Json steps = member(pre_tokenizer, "pretokenizers");
  if (member(pre_tokenizer, "type") != "Sequence" || !steps.is_array() || steps.size() != 2) {
    refuse(what, pre_tokenizer, "the sequence Split, ByteLevel");
  }
  const Json &split = steps[0], &bytes = steps[1];
  if (member(split, "type") != "Split" || member(member(split, "pattern"), "Regex") != kQwenWords) {
    refuse(what + "[0]", split, fmt::format("Split with the regular expression {}", kQwenWords));
  }
  if (member(split, "behavior") != "Isolated" || member(split, "invert") != false) {
    refuse(what + "[0]", split, "behavior Isolated, not inverted");
  }
  if (member(bytes, "type") != "ByteLevel" || member(bytes, "add_prefix_space") != false ||
      member(bytes, "use_regex") != false) {
    refuse(what + "[1]", bytes, "ByteLevel without prefix space and regular expression");
  }
}

/// Template processing may name the text only.
void check_post_processor(const Json& processor) {
  const Json type = member(processor, "type");
  if (processor.is_null() || type == "ByteLevel") {
    return; // ByteLevel changes offsets only
  }
  const Json single = member(processor, "single");
  if (type != "TemplateProcessing" || !single.is_array() || single.size() != 1 ||
      !member(single[0], "Sequence").is_object()) {
    refuse("post_processor", processor, "none that adds tokens");
  }
}

void check_sides(const Json& document) {
  for (const char* key : {"padding", "truncation"}) {
    const Json part = member(document, key);
    const Json side = member(part, "direction");
    if (!part.is_null() && side != "Right") {
      refuse(fmt::format("{}.direction", key), side, "Right");
    }
  }
}

void check_model(const Json& model) {
  if (const Json type = member(model, "type"); type != "BPE") {
    refuse("model.type", type, "BPE");
  }
  for (const char* key : {"dropout", "unk_token"}) {
    if (const Json value = member(model, key); !value.is_null()) {
      refuse(fmt::format("model.{}", key), value, "null");
    }
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const Json value = member(model, key); !value.is_null() && value != "") {
      refuse(fmt::format("model.{}", key), value, "none");
    }
  }
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    if (const Json value = member(model, key); !value.is_null() && value != false) {
      refuse(fmt::format("model.{}", key), value, "false");
    }
  }
}

void check_pipeline(const Json& document) {
  check_model(member(document, "model"));
  if (const Json normalizer = member(document, "normalizer"); member(normalizer, "type") != "NFC") {
    refuse("normalizer", normalizer, "NFC");
  }
  check_words(member(document, "pre_tokenizer"));
  check_post_processor(member(document, "post_processor"));
  if (const Json decoder = member(document, "decoder");
      !decoder.is_null() && member(decoder, "type") != "ByteLevel") {
    refuse("decoder", decoder, "ByteLevel");
  }
  check_sides(document);
}

} // namespace

AddedToken read_added_token(const Json& entry, int32_t id, const std::string& where) {
  JsonReader reader(entry, where);
  AddedToken token{id, reader.require<std::string>("content"), reader.get("special", false)};
  if (token.content.empty()) {
    throw Error(fmt::format("{}: an added token without text", where));
  }
  for (const char* option : {"lstrip", "rstrip", "single_word", "normalized"}) {
    const bool normally = std::string_view(option) == "normalized" && !token.is_special;
    if (reader.get(option, normally)) {
      throw Error(fmt::format(
          "{}: the added token \"{}\" has {} set, which Qwen's tokens do not use and is not "
          "supported",
          where,
          token.content,
          option));
    }
  }
  return token;
}

void read_tokenizer_json(const std::filesystem::path& path, TokenizerFiles& files) {
  const Json document = parse_json(
      read_file(path), {"model", "vocab"}, [&](const std::string& token, const Json& id) {
        add_token(token, id, files);
      });
  if (!document.is_object()) {
    throw Error(fmt::format("expected a JSON object, seen {}", document.type_name()));
  }
  check_pipeline(document);
  const Json merges = member(member(document, "model"), "merges");
  if (!merges.is_array()) {
    refuse("model.merges", merges, "a list");
  }
  for (const auto& merge : merges) {
    files.merges.push_back(merge_of(merge));
  }
  const Json added = member(document, "added_tokens");
  if (!added.is_array()) {
    throw Error("the list \"added_tokens\" is missing");
  }
  for (const auto& entry : added) {
    const auto where = fmt::format("added_tokens[{}]", files.added.size());
    files.added.push_back(
        read_added_token(entry, JsonReader(entry, where).require<int>("id"), where));
  }
}

void read_vocabulary(const std::filesystem::path& path, TokenizerFiles& files) {
  const Json document =
      parse_json(read_file(path), {}, [&](const std::string& token, const Json& id) {
        add_token(token, id, files);
      });
  if (!document.is_object()) {
    throw Error(fmt::format("expected a JSON object, seen {}", document.type_name()));
  }
}

void read_merges(const std::filesystem::path& path, TokenizerFiles& files) {
  const std::string text = read_file(path);
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.starts_with("#version")) {
      continue;
    }
    const size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) {
      throw Error(fmt::format("line {}: \"{}\" is not two tokens", number, line));
    }
    files.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
}

} // namespace mflux::tokenizers
