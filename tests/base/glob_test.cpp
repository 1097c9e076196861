#include "mflux/base/glob.h"

#include "gmock/gmock.h"

namespace mflux {
namespace {

using ::testing::ElementsAre;

TEST(Glob, MatchesWholeTexts) {
  EXPECT_TRUE(glob_match("a.b", "a.b"));
  EXPECT_FALSE(glob_match("a.b", "a.b.c"));
  EXPECT_FALSE(glob_match("a.b.c", "a.b"));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_FALSE(glob_match("a[bc]", "ab")); // only * and ?
}

TEST(Glob, StarCrossesDots) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("vae.*", "vae.decoder.conv_in"));
  EXPECT_TRUE(glob_match("vae.*.conv1", "vae.decoder.mid_block.resnets.0.conv1"));
  EXPECT_FALSE(glob_match("vae.*.conv1", "vae.decoder.mid_block.resnets.0.conv1.in"));
  EXPECT_TRUE(glob_match("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(glob_match("*a*b*", "xxaxxbaab"));
  EXPECT_FALSE(glob_match("*a*b*c", "aabbx"));
}

TEST(Glob, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(glob_match("resnets.?", "resnets.3"));
  EXPECT_TRUE(glob_match("*.conv_?", "vae.conv_1"));
  EXPECT_FALSE(glob_match("resnets.?", "resnets.13"));
  EXPECT_FALSE(glob_match("resnets.?", "resnets."));
}

TEST(Glob, CapturesWhatWildcardsStoodFor) {
  EXPECT_THAT(*glob_captures("port.*.x*", "port.a.b.x9"), ElementsAre("a.b", "9"));
  EXPECT_THAT(*glob_captures("a?c", "abc"), ElementsAre("b"));
  EXPECT_FALSE(glob_captures("port.*", "ref.a"));
}

TEST(Glob, ManyStarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) {
    pattern += "*a";
  }
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

} // namespace
} // namespace mflux
