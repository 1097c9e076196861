#include "mflux/tokenizers/nfc.h"

#include "gtest/gtest.h"

namespace mflux::tokenizers {
namespace {

TEST(ToNfc, ComposesAndReorders) {
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_EQ(to_nfc("e\u0301"), "é");
  EXPECT_EQ(to_nfc("e\u0301\u0323"), "ẹ\u0301");
  EXPECT_EQ(to_nfc("\u1112\u1161\u11ab"), "한");
  EXPECT_EQ(to_nfc("\uac00\u11a7"), "\uac00\u11a7"); // no tail has this code
  EXPECT_EQ(to_nfc("\u212b"), "Å");
  EXPECT_EQ(to_nfc("\u0958"), "\u0915\u093c"); // never composed again
}

TEST(ToNfc, FollowsUnicode9) {
  EXPECT_EQ(to_nfc("\U00011935\U00011930"), "\U00011935\U00011930"); // U+11938 came with 13.0
  EXPECT_EQ(to_nfc("a\u0d3b\u0323"), "a\u0d3b\u0323");               // a mark since 10.0
}

} // namespace
} // namespace mflux::tokenizers
