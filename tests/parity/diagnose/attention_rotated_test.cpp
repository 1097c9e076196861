#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/diagnosed.h"
#include "support/tiny_attention.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::IsEmpty;
using testing::TinyAttention;

using Tensors = std::vector<artifacts::NamedTensor>;

std::vector<float> rotated(const TinyAttention& made) {
  const auto values = made.turned(made.q, made.heads, made.theta_q, made.first_query);
  return {values.begin(), values.end()};
}

Tensors spot(const TinyAttention& made, bool with_source, unsigned noise) {
  const artifacts::Shape shape = {1, made.tokens, made.heads, made.width};
  const artifacts::Shape flat = {1, made.tokens, made.key_heads * made.width};
  Tensors out;
  if (with_source) {
    out = {
        {"dit.attn.norm_q", floats(shape, made.q)},
        {"dit.attn.to_k", floats(flat, made.k)},
        {"dit.attn.to_v", floats(flat, made.v)}};
  }
  out.push_back({"dit.attn.rope_q", floats(shape, testing::with_noise(rotated(made), noise))});
  return out;
}

template <typename Spoil>
std::vector<std::string> named(TinyAttention ref, bool with_source, Spoil spoil) {
  TinyAttention port = ref;
  spoil(port);
  return diagnosed(spot(ref, with_source, 1), spot(port, with_source, 2)).causes();
}

const std::string kAt = " at dit.attn.rope_q";

TEST(AttentionRotated, WithAndWithoutWhatItWasBefore) {
  for (const bool with_source : {true, false}) {
    for (const unsigned seed : {2u, 40u}) {
      TinyAttention ref(seed);
      ref.pairs_halves = seed == 2;
      const auto names = [&](auto spoil) { return named(ref, with_source, spoil); };
      EXPECT_THAT(names([](auto& a) { a.sign = -1; }), ElementsAre("rope.sign" + kAt));
      EXPECT_THAT(names([](auto& a) { a.first_query = 1; }), ElementsAre("rope.offset" + kAt));
      EXPECT_THAT(names([](auto& a) { a.theta_q = 700; }), ElementsAre("rope.theta" + kAt));
      EXPECT_THAT(
          names([](auto& a) { a.pairs_halves = !a.pairs_halves; }),
          ElementsAre("rope.pairing" + kAt));
      EXPECT_THAT(names([](auto& a) { a.by_head = true; }), ElementsAre("rope.broadcast" + kAt));
      EXPECT_THAT(names([](auto&) {}), IsEmpty());
    }
  }
}

/// In a component whose numbers are mostly bfloat16's, which decides the tolerance.
Tensors bfloat16_spot(TinyAttention made) {
  constexpr int kOthers = 60000;
  made.q = testing::in_bfloat16(made.q);
  std::vector<float> others(kOthers);
  for (int i = 0; i < kOthers; ++i) {
    others[static_cast<size_t>(i)] = std::sin(static_cast<float>(i));
  }
  auto out = spot(made, true, 1);
  out.insert(out.begin(), {"dit.embedder", floats({kOthers}, testing::in_bfloat16(others))});
  return out;
}

// In bfloat16 queries may pass and fail once they are turned, though the table is right: it
// explains all of it, and no other base does more.
TEST(AttentionRotated, AnInheritedErrorIsNotTheTables) {
  int failed = 0;
  for (unsigned seed = 1; seed < 20; ++seed) {
    TinyAttention ref(seed), port(seed);
    ref.pairs_halves = port.pairs_halves = seed % 2 == 0;
    for (size_t i = 0; i < port.q.size(); ++i) {
      ref.q[i] *= 6;
      port.q[i] = ref.q[i] * (1 + 6e-3F * std::sin(static_cast<float>(seed + 7 * i)));
    }
    const auto result = diagnosed(bfloat16_spot(ref), bfloat16_spot(port));
    failed += result.comparison.rows.back().verdict == Verdict::fail ? 1 : 0;
    EXPECT_THAT(
        result.causes(), ::testing::Not(::testing::Contains(::testing::StartsWith("rope."))))
        << seed;
  }
  EXPECT_GT(failed, 3);
}

Tensors table_of(const TinyAttention& made) {
  const artifacts::Shape shape = {made.tokens, made.width};
  auto sines = made.table(std::sin);
  for (float& value : sines) {
    value *= static_cast<float>(made.sign);
  }
  return {
      {"dit.pos_embed.out.0", floats(shape, made.table(std::cos))},
      {"dit.pos_embed.out.1", floats(shape, sines)}};
}

TEST(AttentionRotated, TheTableItself) {
  TinyAttention ref(3);
  TinyAttention base = ref, paired = ref;
  base.theta_q = 3000;
  paired.pairs_halves = false;
  EXPECT_THAT(
      diagnosed(table_of(ref), table_of(base)).causes(),
      ElementsAre("rope.theta at dit.pos_embed"));
  EXPECT_THAT(
      diagnosed(table_of(ref), table_of(paired)).causes(),
      ElementsAre("rope.pairing at dit.pos_embed"));
}

TEST(AttentionRotated, PositionIds) {
  std::vector<float> ids, exchanged, moved;
  for (int i = 0; i < 24; ++i) {
    const auto row = static_cast<float>(i / 6), column = static_cast<float>(i % 6);
    ids.insert(ids.end(), {0, row, column});
    exchanged.insert(exchanged.end(), {0, column, row});
    moved.insert(moved.end(), {0, row + 1, column + 1});
  }
  const auto dump = [](const std::vector<float>& values) {
    return Tensors{{"dit.in.img_ids", floats({24, 3}, values)}};
  };
  EXPECT_THAT(
      diagnosed(dump(ids), dump(exchanged)).causes(), ElementsAre("rope.axes at dit.in.img_ids"));
  EXPECT_THAT(
      diagnosed(dump(ids), dump(moved)).causes(), ElementsAre("rope.offset at dit.in.img_ids"));
}

} // namespace
} // namespace mflux::parity
