#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/diagnosed.h"
#include "support/tiny_attention.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using testing::Diagnosed;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TinyAttention;

using Tensors = std::vector<artifacts::NamedTensor>;

/// What a capture with inputs holds of an attention.
Tensors dump_of(const TinyAttention& made, const std::vector<float>& output) {
  const int64_t t = made.tokens, h = made.heads, n = made.key_heads, d = made.width;
  const std::string path = "text_encoder.layers.0.self_attn.";
  return {
      {path + "in.position_embeddings.0", testing::floats({1, t, d}, made.table(std::cos))},
      {path + "in.position_embeddings.1", testing::floats({1, t, d}, made.table(std::sin))},
      {path + "q_norm", testing::floats({1, t, h, d}, made.q)},
      {path + "k_norm", testing::floats({1, t, n, d}, made.k)},
      {path + "v_proj", testing::floats({1, t, n * d}, made.v)},
      {path + "o_proj.in", testing::floats({1, t, h * d}, output)}};
}

/// The reference of that seed and a port that `spoil` spoiled, with a float32 port's noise.
template <typename Spoil>
Diagnosed with_bug(unsigned seed, TinyAttention ref, Spoil spoil) {
  TinyAttention port = ref;
  spoil(port);
  return diagnosed(
      dump_of(ref, ref.output()), dump_of(ref, testing::with_noise(port.output(), seed)));
}

const std::string kAt = " at text_encoder.layers.0.self_attn.o_proj.in";

TEST(AttentionInside, NamesWhatTheRotaryEmbeddingDoes) {
  for (const unsigned seed : {1u, 20u, 300u}) {
    TinyAttention ref(seed);
    ref.pairs_halves = seed != 20;
    const auto names = [&](auto spoil) { return with_bug(seed, ref, spoil).causes(); };
    EXPECT_THAT(names([](auto& a) { a.sign = -1; }), ElementsAre("rope.sign" + kAt));
    EXPECT_THAT(
        names([](auto& a) { a.pairs_halves = !a.pairs_halves; }),
        ElementsAre("rope.pairing" + kAt));
    EXPECT_THAT(names([](auto& a) { a.by_head = true; }), ElementsAre("rope.broadcast" + kAt));
  }
}

TEST(AttentionInside, SolvesTheScale) {
  for (const double scale : {1.0, 0.125, 0.7}) {
    const auto found =
        with_bug(5, TinyAttention(5), [&](TinyAttention& port) { port.scale = scale; });
    EXPECT_THAT(found.causes(), ElementsAre("attention.scale" + kAt));
    EXPECT_LT(found.diagnosis.causes.at(0).after, 1e-5);
  }
  const auto one = with_bug(5, TinyAttention(5), [](TinyAttention& port) { port.scale = 1; });
  EXPECT_THAT(one.diagnosis.causes.at(0).detail, HasSubstr("scores times 1 = 1"));
}

TEST(AttentionInside, NamesTheCausalMaskBothWays) {
  TinyAttention ref(7);
  const auto flip = [](TinyAttention& port) { port.is_causal = !port.is_causal; };
  EXPECT_THAT(with_bug(1, ref, flip).causes(), ElementsAre("mask.causal" + kAt));
  ref.is_causal = true;
  EXPECT_THAT(with_bug(2, ref, flip).causes(), ElementsAre("mask.causal" + kAt));
}

TEST(AttentionInside, NamesThePaddingThatIsNotHidden) {
  TinyAttention ref(8);
  ref.is_causal = true;
  ref.valid = 9;
  const auto shown = [](TinyAttention& port) { port.valid.reset(); };
  EXPECT_THAT(with_bug(4, ref, shown).causes(), ElementsAre("mask.padding" + kAt));
  ref.is_causal = false;
  EXPECT_THAT(with_bug(5, ref, shown).causes(), ElementsAre("mask.padding" + kAt));
}

TEST(AttentionInside, SolvesTheBaseOfTheFrequencies) {
  const auto found =
      with_bug(6, TinyAttention(6), [](TinyAttention& port) { port.theta_q = port.theta_k = 7; });
  EXPECT_THAT(found.causes(), ElementsAre("rope.theta" + kAt));
  EXPECT_THAT(found.diagnosis.causes.at(0).detail, HasSubstr("of base 7, the reference's 100"));
}

TEST(AttentionInside, NamesQueriesThatBeginAtAnotherPosition) {
  const auto moved = [](TinyAttention& port) { port.first_query = 3; };
  EXPECT_THAT(with_bug(7, TinyAttention(10), moved).causes(), ElementsAre("rope.offset" + kAt));
}

TEST(AttentionInside, NamesKeyHeadsThatAreTiled) {
  const TinyAttention ref(9, 2);
  EXPECT_THAT(
      with_bug(3, ref, [](TinyAttention& port) { port.tiles = true; }).causes(),
      ElementsAre("layout.gqa_repeat" + kAt));
}

TEST(AttentionInside, IsSilentWhereNothingOfThisFits) {
  const TinyAttention ref(11);
  auto port = ref.output();
  const auto other = testing::normal(port.size(), 99);
  for (size_t i = 0; i < port.size(); ++i) {
    port[i] += 0.1f * other[i];
  }
  EXPECT_THAT(diagnosed(dump_of(ref, ref.output()), dump_of(ref, port)).causes(), IsEmpty());
}

} // namespace
} // namespace mflux::parity
