// Folders that are damaged, or describe another tokenizer than Qwen's.
#include "mflux/tokenizers/files.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "mflux/tokenizers/tokenizer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::tokenizers {
namespace {

namespace fs = std::filesystem;
using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const fs::path kDemo = fs::path(MFLUX_SOURCE_DIR) / "models/emoji/tokenizer";

class TokenizerFolder : public ::testing::Test {
 protected:
  TokenizerFolder() {
    for (const char* name :
         {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"}) {
      fs::copy_file(kDemo / name, folder / name);
    }
  }

  /// Changes a JSON file; an empty `pointer` and null removes nothing.
  void set(const std::string& file, const std::string& pointer, const Json& value) {
    Json document = read_json(folder / file);
    document[Json::json_pointer(pointer)] = value;
    write_file(folder / file, document.dump());
  }

  void remove_key(const std::string& file, const std::string& key) {
    Json document = read_json(folder / file);
    document.erase(key);
    write_file(folder / file, document.dump());
  }

  std::string error() {
    return error_of([&] { Tokenizer::load(folder.path()); });
  }

  /// The error after one change, which is taken back.
  std::string error_with(const std::string& file, const std::string& pointer, const Json& value) {
    const std::string before = read_file(folder / file);
    set(file, pointer, value);
    auto message = error();
    write_file(folder / file, before);
    return message;
  }

  std::vector<int32_t> ids(const std::string& text) {
    return Tokenizer::load(folder.path()).encode(text);
  }

  TemporaryFolder folder;
};

TEST_F(TokenizerFolder, IsReadFromEitherSetOfFiles) {
  const std::string text = "A red\nApple<think>😀";
  const auto expected = Tokenizer::load(kDemo).encode(text);
  fs::remove(folder / "vocab.json");
  EXPECT_EQ(ids(text), expected);
  fs::copy_file(kDemo / "vocab.json", folder / "vocab.json");
  fs::remove(folder / "tokenizer.json");
  EXPECT_EQ(ids(text), expected);
  fs::remove(folder / "merges.txt");
  EXPECT_THAT(error(), HasSubstr("expected tokenizer.json, or vocab.json and merges.txt"));
}

TEST_F(TokenizerFolder, NeedsItsConfigAndTokens) {
  EXPECT_THAT(
      error_of([&] { Tokenizer::load(folder / "none"); }), HasSubstr("no tokenizer folder"));
  fs::remove(folder / "tokenizer_config.json");
  EXPECT_THAT(error(), HasSubstr("no tokenizer_config.json"));
}

TEST_F(TokenizerFolder, RefusesOtherModels) {
  const char* file = "tokenizer.json";
  EXPECT_THAT(
      error_with(file, "/model/type", "WordPiece"),
      AllOf(HasSubstr("tokenizer.json: model.type is \"WordPiece\""), HasSubstr("expected BPE")));
  EXPECT_THAT(error_with(file, "/model/type", "Unigram"), HasSubstr("\"Unigram\""));
  EXPECT_THAT(error_with(file, "/model/dropout", 0.1), HasSubstr("model.dropout is 0.1"));
  EXPECT_THAT(error_with(file, "/model/unk_token", "?"), HasSubstr("model.unk_token is \"?\""));
  EXPECT_THAT(error_with(file, "/model/byte_fallback", true), HasSubstr("model.byte_fallback is"));
  EXPECT_THAT(error_with(file, "/model/ignore_merges", true), HasSubstr("model.ignore_merges is"));
  EXPECT_THAT(error_with(file, "/model/end_of_word_suffix", "</w>"), HasSubstr("\"</w>\""));
  EXPECT_THAT(error_with(file, "/model", 3), HasSubstr("model.type is null"));
}

TEST_F(TokenizerFolder, RefusesOtherSteps) {
  const char* file = "tokenizer.json";
  EXPECT_THAT(
      error_with(file, "/normalizer/type", "NFKC"), HasSubstr("normalizer is {\"type\":\"NFKC\"}"));
  EXPECT_THAT(error_with(file, "/normalizer", nullptr), HasSubstr("normalizer is null"));
  EXPECT_THAT(
      error_with(file, "/pre_tokenizer/type", "Metaspace"), HasSubstr("expected the sequence"));
  const std::string split = "/pre_tokenizer/pretokenizers/0",
                    bytes = "/pre_tokenizer/pretokenizers/1";
  EXPECT_THAT(error_with(file, split + "/pattern/Regex", "\\s+"), HasSubstr("pre_tokenizer[0] is"));
  EXPECT_THAT(error_with(file, split + "/behavior", "Removed"), HasSubstr("behavior Isolated"));
  EXPECT_THAT(error_with(file, split + "/invert", true), HasSubstr("not inverted"));
  EXPECT_THAT(
      error_with(file, bytes + "/add_prefix_space", true), HasSubstr("pre_tokenizer[1] is"));
  EXPECT_THAT(error_with(file, bytes + "/use_regex", true), HasSubstr("pre_tokenizer[1] is"));
  EXPECT_THAT(
      error_with(file, "/post_processor", {{"type", "BertProcessing"}}),
      HasSubstr("post_processor is"));
  EXPECT_THAT(error_with(file, "/decoder", {{"type", "WordPiece"}}), HasSubstr("decoder is"));
  EXPECT_THAT(
      error_with(file, "/padding", {{"direction", "Left"}}), HasSubstr("padding.direction"));
}

TEST_F(TokenizerFolder, TakesProcessorsThatAddNothing) {
  set("tokenizer.json", "/post_processor", {{"type", "ByteLevel"}, {"trim_offsets", false}});
  EXPECT_NO_THROW(Tokenizer::load(folder.path()));
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json start = {{"SpecialToken", {{"id", "<|im_start|>"}, {"type_id", 0}}}};
  set("tokenizer.json",
      "/post_processor",
      {{"type", "TemplateProcessing"}, {"single", Json::array({text})}});
  EXPECT_NO_THROW(Tokenizer::load(folder.path()));
  set("tokenizer.json", "/post_processor/single", Json::array({start, text}));
  EXPECT_THAT(error(), HasSubstr("expected none that adds tokens"));
}

TEST_F(TokenizerFolder, RefusesDamagedVocabularies) {
  const char* file = "tokenizer.json";
  EXPECT_THAT(error_with(file, "/model/vocab/!", 1), HasSubstr("two tokens have id 1"));
  EXPECT_THAT(
      error_with(file, "/model/vocab/!", 99999),
      HasSubstr("\"!\" has id 99999; expected ids 0 to"));
  EXPECT_THAT(error_with(file, "/model/vocab/!", "x"), HasSubstr("\"!\" has the id \"x\""));
  EXPECT_THAT(error_with(file, "/model/vocab/!", -1), HasSubstr("\"!\" has the id -1"));
  EXPECT_THAT(
      error_with(file, "/model/vocab/!", Json::array({1})),
      HasSubstr("\"!\" holds an object or a list"));
  EXPECT_THAT(
      error_with(file, "/model/merges/0", Json::array({"qq", "qq"})), HasSubstr("needs the token"));
  EXPECT_THAT(error_with(file, "/model/merges/0", "a b c"), HasSubstr("is not two tokens"));
  EXPECT_THAT(error_with(file, "/model/merges", "a b"), HasSubstr("model.merges is"));
  write_file(folder / file, read_file(folder / file).substr(0, 5000));
  EXPECT_THAT(error(), HasSubstr("tokenizer.json: not valid JSON"));
  write_file(folder / file, "[1]");
  EXPECT_THAT(error(), HasSubstr("expected a JSON object"));
}

TEST_F(TokenizerFolder, RefusesDamagedMerges) {
  fs::remove(folder / "tokenizer.json");
  write_file(folder / "merges.txt", "#version: 0.2\r\nh e\r\nhe\n");
  EXPECT_THAT(error(), HasSubstr("merges.txt: line 3: \"he\" is not two tokens"));
  write_file(folder / "merges.txt", "h e\n\n");
  EXPECT_THAT(error(), HasSubstr("line 2"));
  write_file(folder / "merges.txt", "h  e");
  EXPECT_THAT(error(), HasSubstr("line 1"));
}

TEST_F(TokenizerFolder, RefusesOptionsOfAddedTokens) {
  for (const char* option : {"lstrip", "rstrip", "single_word", "normalized"}) {
    EXPECT_THAT(
        error_with("tokenizer.json", std::string("/added_tokens/1/") + option, true),
        AllOf(HasSubstr("\"<|im_start|>\""), HasSubstr(std::string(option) + " set")));
  }
  EXPECT_THAT(
      error_with("tokenizer.json", "/added_tokens/1/content", ""), HasSubstr("without text"));
  EXPECT_THAT(error_with("tokenizer.json", "/added_tokens/1/id", 3500), HasSubstr("differs"));
}

TEST_F(TokenizerFolder, RefusesAddedTokensThatDoNotFit) {
  remove_key("tokenizer_config.json", "added_tokens_decoder");
  EXPECT_EQ(ids("<think>").size(), 1u);
  EXPECT_THAT(
      error_with("tokenizer.json", "/added_tokens/1/id", 3500),
      HasSubstr("ids go on without holes"));
  EXPECT_THAT(
      error_with("tokenizer.json", "/added_tokens/1/id", 5),
      HasSubstr("which the vocabulary gives"));
  EXPECT_THAT(
      error_with("tokenizer.json", "/added_tokens/3/content", "<think>"),
      HasSubstr("\"<think>\" stands twice"));
  EXPECT_THAT(
      error_with("tokenizer.json", "/added_tokens/25/content", "red"),
      HasSubstr("is also the vocabulary's token"));
}

TEST_F(TokenizerFolder, RefusesOptionsOfTheConfig) {
  const char* file = "tokenizer_config.json";
  EXPECT_THAT(error_with(file, "/tokenizer_class", "T5Tokenizer"), HasSubstr("\"T5Tokenizer\""));
  EXPECT_THAT(error_with(file, "/add_prefix_space", true), HasSubstr("add_prefix_space is true"));
  EXPECT_THAT(error_with(file, "/split_special_tokens", true), HasSubstr("split_special_tokens"));
  EXPECT_THAT(error_with(file, "/padding_side", "left"), HasSubstr("padding_side is \"left\""));
  EXPECT_THAT(error_with(file, "/truncation_side", "left"), HasSubstr("truncation_side"));
  EXPECT_THAT(error_with(file, "/pad_token", nullptr), HasSubstr("pad_token is null"));
  EXPECT_THAT(error_with(file, "/pad_token", "<pad>"), HasSubstr("\"<pad>\", which is none"));
  EXPECT_THAT(error_with(file, "/eos_token", 7), HasSubstr("eos_token is 7"));
  EXPECT_THAT(
      error_with(file, "/extra_special_tokens", Json::array({"<x>"})), HasSubstr("\"<x>\""));
  EXPECT_THAT(error_with(file, "/chat_template", 1), HasSubstr("chat_template is neither"));
  EXPECT_THAT(
      error_with(file, "/added_tokens_decoder/x", Json::object()), HasSubstr("\"x\" is no id"));
  fs::remove(folder / "tokenizer.json");
  EXPECT_THAT(error_with(file, "/add_bos_token", true), HasSubstr("add_bos_token is true"));
}

TEST_F(TokenizerFolder, TakesTheTemplateFromItsOwnFile) {
  write_file(folder / "chat_template.jinja", "{{ messages }}");
  const auto tokenizer = Tokenizer::load(folder.path());
  EXPECT_THAT(
      error_of([&] { tokenizer.chat_prompt("x", Thinking::off); }),
      HasSubstr("chat template is not Qwen3's"));
  fs::remove(folder / "chat_template.jinja");
  const Json text = read_json(folder / "tokenizer_config.json")["chat_template"];
  set("tokenizer_config.json",
      "/chat_template",
      Json::array({{{"name", "default"}, {"template", text}}}));
  EXPECT_NO_THROW(Tokenizer::load(folder.path()).chat_prompt("x", Thinking::off));
  remove_key("tokenizer_config.json", "chat_template");
  EXPECT_THAT(
      error_of([&] { Tokenizer::load(folder.path()).chat_prompt("x", Thinking::off); }),
      HasSubstr("has no chat template"));
}

} // namespace
} // namespace mflux::tokenizers
