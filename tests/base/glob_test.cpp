#include "mflux/base/glob.h"

#include "gtest/gtest.h"

namespace mflux {
namespace {

TEST(Glob, MatchesWholeTexts) {
  EXPECT_TRUE(glob_match("a.b", "a.b"));
  EXPECT_FALSE(glob_match("a.b", "a.b.c"));
  EXPECT_FALSE(glob_match("a.b.c", "a.b"));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
}

TEST(Glob, StarCrossesDots) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("vae.*.conv1", "vae.decoder.mid_block.resnets.0.conv1"));
  EXPECT_FALSE(glob_match("vae.*.conv1", "vae.decoder.mid_block.resnets.0.conv1.in"));
  EXPECT_TRUE(glob_match("*a*b*", "xxaxxbaab"));
  EXPECT_FALSE(glob_match("*a*b*c", "aabbx"));
}

TEST(Glob, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(glob_match("resnets.?", "resnets.3"));
  EXPECT_FALSE(glob_match("resnets.?", "resnets.13"));
  EXPECT_FALSE(glob_match("resnets.?", "resnets."));
}

} // namespace
} // namespace mflux
