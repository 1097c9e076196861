#include "mflux/tokenizers/words.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace mflux::tokenizers {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t size = first_word(text);
    out.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

TEST(FirstWord, TakesOneCharacterBeforeLetters) {
  EXPECT_THAT(words("a red  apple"), ElementsAre("a", " red", " ", " apple"));
  EXPECT_THAT(words("(x)\ty"), ElementsAre("(x", ")", "\ty"));
  EXPECT_THAT(words("1a\na"), ElementsAre("1", "a", "\n", "a"));
}

TEST(FirstWord, CutsEachDigit) {
  EXPECT_THAT(words("10½ x²"), ElementsAre("1", "0", "½", " x", "²"));
}

TEST(FirstWord, KnowsContractionsWithoutCase) {
  EXPECT_THAT(
      words("don't we'LLx 'ſo 'r"),
      ElementsAre("don", "'t", " we", "'LL", "x", " '", "ſo", " '", "r"));
  EXPECT_THAT(words("'ſo"), ElementsAre("'ſ", "o"));
}

TEST(FirstWord, TakesLineEndsAfterPunctuation) {
  EXPECT_THAT(words(" ...\n\n\nx"), ElementsAre(" ...\n\n\n", "x"));
  EXPECT_THAT(words("!\t!"), ElementsAre("!", "\t", "!"));
}

TEST(FirstWord, LeavesOneSpaceToTheNextWord) {
  EXPECT_THAT(words("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(words("a   "), ElementsAre("a", "   "));
  EXPECT_THAT(words(" \n \n  b"), ElementsAre(" \n \n", " ", " b"));
  EXPECT_THAT(words("  1"), ElementsAre(" ", " ", "1"));
}

} // namespace
} // namespace mflux::tokenizers
