#include "mflux/nn/attention.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/tensors.h"
#include "mflux/weights/weights.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux::nn {
namespace {

/// q, k, v of the four_blocks model's middle block, and what torch's attention made of them.
struct Reference {
  std::vector<testing::Checkpoint> dump =
      testing::read_dump(testing::fixture("vae/four_blocks") / "decode");

  const testing::Checkpoint& at(const std::string& leaf) const {
    return testing::find(dump, "vae.decoder.mid_block.attentions.0." + leaf);
  }

  double error_with(int max_scores) const {
    const auto mixed = attend(
        to_array(at("to_q").tensor),
        to_array(at("to_k").tensor),
        to_array(at("to_v").tensor),
        max_scores);
    return testing::relative_l2(capture::to_tensor(mixed), at("to_out.0.in").tensor);
  }
};

TEST(Attention, IsTorchs) {
  EXPECT_LE(Reference().error_with(1 << 24), 1e-6);
}

TEST(Attention, SlicesOfQueriesChangeNothing) {
  const Reference reference;
  for (const int max_scores : {1, 12, 60, 61, 143, 144}) {
    EXPECT_LE(reference.error_with(max_scores), 1e-6) << max_scores;
  }
}

/// Random heads, and what torch's attention made of them.
struct Heads {
  explicit Heads(const std::string& name)
      : inputs(testing::fixture("nn/attention_heads.safetensors")), prefix(name + ".") {}

  mx::array at(const std::string& leaf) const {
    return to_array(inputs.require({prefix + leaf}));
  }

  mx::array run(mx::Dtype dtype, int max_scores) const {
    const auto mask = inputs.has(prefix + "mask") ? std::optional(at("mask")) : std::nullopt;
    const auto typed = [&](const char* leaf) { return mx::astype(at(leaf), dtype); };
    return attend_heads(typed("q"), typed("k"), typed("v"), mask, max_scores);
  }

  double error_with(mx::Dtype dtype, int max_scores = 1 << 24) const {
    return testing::relative_l2(
        capture::to_tensor(run(dtype, max_scores)), inputs.require({prefix + "out"}));
  }

  capture::Inputs inputs;
  std::string prefix;
};

TEST(AttentionHeads, AreTorchs) {
  for (const char* name : {"plain", "shared", "masked", "masked_by_head"}) {
    const Heads heads(name);
    EXPECT_LE(heads.error_with(mx::float32), 1e-6) << name;
    for (const int max_scores : {1, 100, 150, 400}) {
      EXPECT_LE(heads.error_with(mx::float32, max_scores), 1e-6) << name << " " << max_scores;
    }
  }
}

TEST(AttentionHeads, HalfTypesRoundInputsAndOutputOnly) {
  for (const char* name : {"plain", "shared", "masked", "masked_by_head"}) {
    const Heads heads(name);
    EXPECT_EQ(heads.run(mx::bfloat16, 1 << 24).dtype(), mx::bfloat16);
    EXPECT_LE(heads.error_with(mx::bfloat16), 6e-3) << name;
  }
}

// Masks that leave each query a key, here the first.
TEST(AttentionHeads, ABiasOfTheMaskIsTheMask) {
  const auto q = mx::random::normal({2, 5, 4, 8}), k = mx::random::normal({2, 7, 2, 8});
  const auto v = mx::random::normal({2, 7, 2, 8});
  for (const mx::Shape& shape :
       {mx::Shape{1, 1, 5, 7}, mx::Shape{2, 1, 5, 7}, mx::Shape{2, 4, 5, 7}}) {
    const auto drawn = mx::greater(mx::random::normal(shape), mx::array(0.0f));
    const auto first = mx::less(mx::arange(7), mx::array(1));
    const auto mask = mx::logical_or(drawn, first);
    const auto masked = capture::to_tensor(attend_heads(q, k, v, mask));
    const auto biased = attend_heads_biased(q, k, v, score_bias(mask, mx::float32));
    EXPECT_LE(testing::relative_l2(capture::to_tensor(biased), masked), 1e-6);
    EXPECT_GT(testing::relative_l2(capture::to_tensor(attend_heads(q, k, v)), masked), 1e-2);
  }
}

TEST(AttentionHeads, WrongShapesAreErrors) {
  using testing::error_of;
  using ::testing::HasSubstr;
  const auto q = mx::zeros({1, 3, 4, 2}), k = mx::zeros({1, 5, 2, 2});
  EXPECT_THAT(
      error_of([&] {
        attend_heads(q, mx::zeros({1, 5, 3, 2}), mx::zeros({1, 5, 3, 2}));
      }),
      HasSubstr("k [1, 5, 3, 2]"));
  EXPECT_THAT(error_of([&] { attend_heads(q, k, q); }), HasSubstr("v [1, 3, 4, 2]"));
  EXPECT_THAT(
      error_of([&] {
        attend_heads(q, k, k, mx::zeros({1, 1, 3, 3}, mx::bool_));
      }),
      HasSubstr("mask is [1, 1, 3, 3], expected booleans that broadcast to [1, 4, 3, 5]"));
  EXPECT_THAT(
      error_of([&] {
        attend_heads(q, k, k, mx::zeros({1, 1, 3, 5}));
      }),
      HasSubstr("booleans"));
}

} // namespace
} // namespace mflux::nn
