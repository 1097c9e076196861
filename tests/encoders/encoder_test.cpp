#include "mflux/encoders/qwen3/encoder.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/log.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

// That the numbers are the reference's is proven in parity_test.cpp.
namespace mflux::qwen3 {
namespace {

using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

mx::array ids(const std::vector<int>& values) {
  return mx::array(values.data(), {1, static_cast<int>(values.size())}, mx::int32);
}

TextEncoder tied(const std::vector<int>& wanted = {1, 2}) {
  return load_text_encoder(fixture("qwen3") / "tied", mx::float32, wanted);
}

TEST(Qwen3Encoder, IdsOutsideTheVocabularyAreErrors) {
  const auto encoder = tied();
  EXPECT_EQ(
      error_of([&] {
        encoder({.input_ids = ids({1, 61})});
      }),
      "model.embed_tokens: there is no id 61, expected 0 to 60");
  EXPECT_THAT(error_of([&] { encoder({.input_ids = ids({-1, 3})}); }), HasSubstr("no id -1"));
  EXPECT_EQ(encoder({.input_ids = ids({0, 60})}).shape(), (mx::Shape{1, 2, 40}));
}

TEST(Qwen3Encoder, WrongShapesAreErrors) {
  const auto encoder = tied();
  EXPECT_THAT(error_of([&] { encoder({.input_ids = mx::zeros({1, 3})}); }), HasSubstr("integers"));
  EXPECT_THAT(
      error_of([&] { encoder({.input_ids = mx::zeros({3}, mx::int32)}); }),
      HasSubstr("[batch, tokens]"));
  EXPECT_THAT(
      error_of([&] {
        encoder({.input_ids = mx::zeros({1, 0}, mx::int32)});
      }),
      HasSubstr("[batch, tokens]"));
  EXPECT_THAT(
      error_of([&] {
        encoder({.input_ids = ids({1, 2}), .attention_mask = mx::ones({1, 3}, mx::int32)});
      }),
      HasSubstr("an attention mask of the ids' shape"));
}

// As in transformers, which computes on.
TEST(Qwen3Encoder, MoreTokensThanPositionsAreARemark) {
  std::vector<std::string> remarks;
  set_log_sink([&](LogLevel, const std::string& text) { remarks.push_back(text); });
  const auto encoder = tied();
  encoder({.input_ids = mx::zeros({1, 64}, mx::int32)});
  EXPECT_TRUE(remarks.empty());
  encoder({.input_ids = mx::zeros({1, 65}, mx::int32)});
  set_log_sink({});
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_THAT(
      remarks[0],
      HasSubstr("65 tokens are more than the text encoder's max_position_embeddings, 64"));
}

TEST(Qwen3Encoder, MoreTokensThanMemoryAreAnErrorBeforeTheWork) {
  const auto encoder = tied();
  const auto many = mx::broadcast_to(mx::array(0, mx::int32), {1, 1 << 26});
  EXPECT_THAT(error_of([&] { encoder({.input_ids = many}); }), HasSubstr("need about"));
}

TEST(Qwen3Encoder, HiddenStatesThatTheModelHasNotAreErrors) {
  EXPECT_THAT(
      error_of([] {
        tied({9, 18, 27});
      }),
      HasSubstr("hidden state 9 is asked for, but 5 layers have only 0 to 5"));
  EXPECT_THAT(error_of([] { tied({-1}); }), HasSubstr("hidden state -1"));
  EXPECT_THAT(error_of([] { tied({}); }), HasSubstr("no hidden state"));
}

// Only as many layers as the wanted hidden states need are built, and the rest of the file may hold
// what it likes; what they need must be there.
TEST(Qwen3Encoder, LoadsOnlyWhatIsWanted) {
  EXPECT_EQ(tied({0}).model.layers.size(), 0u);
  EXPECT_EQ(tied({2, 3, 1}).model.layers.size(), 3u);
  EXPECT_FALSE(tied({4}).model.norm.has_value());
  EXPECT_TRUE(tied({5}).model.norm.has_value());

  const testing::TemporaryFolder folder;
  std::filesystem::copy(fixture("qwen3") / "tied", folder.path());
  std::ofstream(folder / "config.json") << R"({"architectures": ["Qwen3ForCausalLM"],
    "vocab_size": 61, "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 6,
    "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10})";
  load_text_encoder(folder.path(), mx::float32, {5});
  EXPECT_THAT(
      error_of([&] { load_text_encoder(folder.path(), mx::float32, {6}); }),
      HasSubstr("missing: model.layers.5."));
}

} // namespace
} // namespace mflux::qwen3
