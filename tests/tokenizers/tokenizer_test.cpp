#include "mflux/tokenizers/tokenizer.h"

#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux::tokenizers {
namespace {

using mflux::testing::error_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DemoTokenizer : public ::testing::Test {
 protected:
  const Tokenizer tokenizer =
      Tokenizer::load(std::filesystem::path(MFLUX_SOURCE_DIR) / "models/emoji/tokenizer");
};

TEST_F(DemoTokenizer, MarksAddedTokens) {
  EXPECT_EQ(tokenizer.size(), 3000u);
  EXPECT_EQ(tokenizer.padding_id(), 2974);
  EXPECT_THAT(tokenizer.encode("<|im_end|><think>"), ElementsAre(2976, 2998));
  EXPECT_TRUE(tokenizer.is_special(2976) && tokenizer.is_added(2976));
  EXPECT_TRUE(!tokenizer.is_special(2998) && tokenizer.is_added(2998));
  EXPECT_FALSE(tokenizer.is_added(5) || tokenizer.is_added(-1) || tokenizer.is_added(3000));
}

TEST_F(DemoTokenizer, PadsAndCutsOnTheRight) {
  const std::vector<int32_t> ids{7, 8, 9};
  const auto padded = tokenizer.pad(ids, 5);
  EXPECT_THAT(padded.ids, ElementsAre(7, 8, 9, 2974, 2974));
  EXPECT_THAT(padded.mask, ElementsAre(1, 1, 1, 0, 0));
  EXPECT_EQ(padded.length, 3u);
  EXPECT_EQ(padded.dropped, 0u);
  const auto cut = tokenizer.pad(ids, 2);
  EXPECT_THAT(cut.ids, ElementsAre(7, 8));
  EXPECT_THAT(cut.mask, Each(1));
  EXPECT_EQ(cut.length, 2u);
  EXPECT_EQ(cut.dropped, 1u);
  EXPECT_THAT(error_of([&] { tokenizer.pad(ids, 0); }), HasSubstr("length is 0"));
}

TEST_F(DemoTokenizer, SaysWhereTextIsNotUtf8) {
  for (const char* text : {"abc\xff", "é.\xed\xa0\x80", "xyz\xe4\xb8"}) {
    EXPECT_THAT(error_of([&] { tokenizer.encode(text); }), HasSubstr("not UTF-8: byte 3 ")) << text;
    EXPECT_THAT(
        error_of([&] { tokenizer.chat_prompt(text, Thinking::off); }), HasSubstr("byte 3 "));
  }
}

TEST_F(DemoTokenizer, DecodesBytes) {
  const auto ids = tokenizer.encode("naïve 😀<|im_end|>");
  EXPECT_EQ(tokenizer.decode(ids), "naïve 😀<|im_end|>");
  const std::vector<int32_t> none{3000}, negative{-1};
  EXPECT_THAT(error_of([&] { tokenizer.decode(none); }), HasSubstr("no token has the id 3000"));
  EXPECT_THAT(error_of([&] { tokenizer.decode(negative); }), HasSubstr("id -1"));
}

} // namespace
} // namespace mflux::tokenizers
