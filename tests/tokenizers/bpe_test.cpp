#include "mflux/tokenizers/bpe.h"

#include "gmock/gmock.h"
#include "mflux/base/utf8.h"
#include "support/expect_error.h"

namespace mflux::tokenizers {
namespace {

using mflux::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Tokens = std::vector<std::pair<std::string, int32_t>>;

/// The 256 bytes as ids 0…255, in GPT-2's spelling, and `words` from 256 on.
Tokens tokens_with(const std::vector<std::string>& words) {
  Tokens tokens;
  char32_t next = 0x100;
  for (int32_t byte = 0; byte < 256; ++byte) {
    const bool is_own = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
    std::string spelled;
    append_utf8(spelled, is_own ? static_cast<char32_t>(byte) : next++);
    tokens.emplace_back(spelled, byte);
  }
  for (const auto& word : words) {
    tokens.emplace_back(word, static_cast<int32_t>(tokens.size()));
  }
  return tokens;
}

std::vector<int32_t> encode(const Bpe& bpe, std::string_view word) {
  std::vector<int32_t> ids;
  bpe.encode(word, ids);
  return ids;
}

TEST(Bpe, JoinsTheEarliestMergeFirst) {
  const Bpe bpe(tokens_with({"bc", "ab", "abc"}), {{"b", "c"}, {"a", "b"}, {"ab", "c"}});
  EXPECT_THAT(encode(bpe, "abc"), ElementsAre('a', 256));
  EXPECT_THAT(encode(bpe, "abab"), ElementsAre(257, 257));
}

TEST(Bpe, JoinsTheLeftmostOfEquals) {
  const Bpe bpe(tokens_with({"aa"}), {{"a", "a"}});
  EXPECT_THAT(encode(bpe, "aaaaa"), ElementsAre(256, 256, 'a'));
}

TEST(Bpe, JoinsWhatEarlierJoinsMade) {
  const Bpe bpe(tokens_with({"ab", "abab", "Ġabab"}), {{"a", "b"}, {"ab", "ab"}, {"Ġ", "abab"}});
  EXPECT_THAT(encode(bpe, " abab"), ElementsAre(258));
  EXPECT_THAT(encode(bpe, ""), ElementsAre());
  EXPECT_EQ(bpe.tokens()[258], " abab");
}

TEST(Bpe, ForgetsPairsWhoseNeighbourHasChanged) {
  const Bpe bpe(tokens_with({"bc", "ab", "abc"}), {{"b", "c"}, {"a", "b"}, {"a", "bc"}});
  EXPECT_THAT(encode(bpe, "abc"), ElementsAre(258));
}

TEST(Bpe, RefusesHolesAndRepeatedIds) {
  auto tokens = tokens_with({"ab"});
  tokens.back().second = 257;
  EXPECT_THAT(
      error_of([&] { Bpe(tokens, {}); }), HasSubstr("\"ab\" has id 257; expected ids 0 to 256"));
  tokens.back().second = 97;
  EXPECT_THAT(error_of([&] { Bpe(tokens, {}); }), HasSubstr("two tokens have id 97"));
  tokens.back().second = -1;
  EXPECT_THAT(error_of([&] { Bpe(tokens, {}); }), HasSubstr("has id -1"));
}

TEST(Bpe, RefusesAVocabularyWithoutAByte) {
  auto tokens = tokens_with({});
  tokens['~'].first = "ab";
  EXPECT_THAT(error_of([&] { Bpe(tokens, {}); }), HasSubstr("no token for the byte 0x7e"));
  EXPECT_THAT(error_of([&] { Bpe({}, {}); }), HasSubstr("no token for the byte 0x00"));
}

TEST(Bpe, RefusesTokensThatAreNoBytes) {
  EXPECT_THAT(error_of([] { Bpe(tokens_with({"▁a"}), {}); }), HasSubstr("\"▁a\" is no byte-level"));
  EXPECT_THAT(error_of([] { Bpe(tokens_with({""}), {}); }), HasSubstr("is no byte-level"));
}

TEST(Bpe, RefusesMergesOfUnknownTokens) {
  const auto tokens = tokens_with({"ab"});
  const auto message = [&](std::vector<Merge> merges) {
    return error_of([&] { Bpe(tokens, merges); });
  };
  EXPECT_THAT(message({{"ab", "c"}}), HasSubstr("\"ab c\" needs the token \"abc\""));
  EXPECT_THAT(message({{"xy", "c"}}), HasSubstr("\"xy c\" needs the token \"xy\""));
  EXPECT_THAT(message({{"a", "b"}, {"a", "b"}}), HasSubstr("\"a b\" stands twice"));
}

} // namespace
} // namespace mflux::tokenizers
