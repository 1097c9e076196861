#include "mflux/base/utf8.h"

#include "gtest/gtest.h"

namespace mflux {
namespace {

TEST(Utf8, Accepts) {
  for (const char* text : {"", "abc", "größe", "中", "😀", "\u07ff\u0800\uffff\U0010ffff"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, Refuses) {
  for (const char* text :
       {"\xff",
        "\x80",
        "\xc3",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe4\xb8",
        "a\xe4\xb8x"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

} // namespace
} // namespace mflux
