#include "mflux/parity/glob.h"

#include "gmock/gmock.h"

namespace mflux::parity {
namespace {

using ::testing::ElementsAre;

TEST(Glob, MatchesTheWholeText) {
  EXPECT_TRUE(glob_matches("vae.*", "vae.decoder.conv_in"));
  EXPECT_TRUE(glob_matches("*.conv_?", "vae.conv_1"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(glob_matches("vae", "vae.decode"));
  EXPECT_FALSE(glob_matches("a?", "a"));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_FALSE(glob_matches("a[bc]", "ab")); // only * and ?
}

TEST(Glob, CapturesWhatWildcardsStoodFor) {
  EXPECT_THAT(*glob_captures("port.*.x*", "port.a.b.x9"), ElementsAre("a.b", "9"));
  EXPECT_THAT(*glob_captures("a?c", "abc"), ElementsAre("b"));
  EXPECT_FALSE(glob_captures("port.*", "ref.a"));
}

TEST(Glob, ManyStarsDoNotExplode) {
  std::string glob;
  for (int i = 0; i < 200; ++i) {
    glob += "*a";
  }
  EXPECT_FALSE(glob_matches(glob + "b", std::string(5000, 'a')));
}

} // namespace
} // namespace mflux::parity
