#include "mflux/parity/diagnose/pointwise/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mflux/parity/transforms/transform.h"
#include "parity/diagnose/pointwise_support.h"

namespace mflux::parity {
namespace {

using testing::causes_of;
using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::mapped;
using testing::normal;
using testing::normal_like;
using testing::place;
using testing::shape_of;
using testing::Values;

class Pointwise : public ::testing::TestWithParam<std::tuple<unsigned, bool>> {
 protected:
  unsigned seed() const {
    return std::get<0>(GetParam());
  }

  bool in_bf16() const {
    return std::get<1>(GetParam());
  }

  artifacts::Shape shape_ = shape_of(seed());
  Values ref_ = normal_like(shape_, seed() + 1);
};

TEST_P(Pointwise, OneFactorIsScaleConstant) {
  for (const double factor : {std::sqrt(32.0), 0.18215, 1.1731, -0.5}) {
    const Values port = mapped(ref_, [&](double x, int64_t) { return factor * x; });
    EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("scale.constant at x"))
        << factor;
  }
}

TEST_P(Pointwise, OneFactorAndOneTermAreScaleConstant) {
  const Values port = mapped(ref_, [](double x, int64_t) { return (x - 0.1159) * 0.3611; });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("scale.constant at x"));
}

TEST_P(Pointwise, TheOtherSignIsSignFlip) {
  const Values port = mapped(ref_, [](double x, int64_t) { return -x; });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("sign.flip at x"));
}

TEST_P(Pointwise, HalfOfTheChannelsWithTheOtherSignIsSignFlip) {
  const int64_t width = shape_.back();
  if (width % 2 != 0) {
    GTEST_SKIP() << "an odd width has no halves";
  }
  const Values port =
      mapped(ref_, [&](double x, int64_t i) { return i % width < width / 2 ? x : -x; });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("sign.flip at x"));
}

TEST_P(Pointwise, AVectorOverChannelsIsBiasMissing) {
  const size_t axis = shape_.size() == 4 ? 1 : shape_.size() - 1;
  const Values bias = normal(64, seed() + 5);
  const Values port = mapped(ref_, [&](double x, int64_t i) {
    return x - 0.3 * bias[static_cast<size_t>(place(shape_, i, axis))];
  });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("bias.missing at x"));
}

TEST_P(Pointwise, ZerosAndAFactorAreDropout) {
  const Values dice = normal_like(shape_, seed() + 6);
  const Values port = mapped(ref_, [&](double x, int64_t i) {
    return dice[static_cast<size_t>(i)] < -1.2816f ? 0 : x / 0.9;
  });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), ElementsAre("rng.dropout at x"));
}

TEST_P(Pointwise, ZerosWithoutAFactorAreNoDropout) {
  const Values dice = normal_like(shape_, seed() + 6);
  const Values port = mapped(
      ref_, [&](double x, int64_t i) { return dice[static_cast<size_t>(i)] < -1.2816f ? 0 : x; });
  EXPECT_THAT(causes_of(shape_, ref_, port, in_bf16()), IsEmpty());
}

TEST_P(Pointwise, AFactorOrTermForEachRowIsNeitherConstantNorBias) {
  const Values by = normal(4096, seed() + 7);
  const int64_t width = shape_.back();
  const auto v = [&](int64_t i) { return by[static_cast<size_t>(i / width)]; };
  const Values scaled = mapped(ref_, [&](double x, int64_t i) { return x * (0.9 + 0.01 * v(i)); });
  EXPECT_THAT(causes_of(shape_, ref_, scaled, in_bf16()), IsEmpty());
  const Values other = mapped(
      ref_, [&](double x, int64_t i) { return x + 0.2 * by[static_cast<size_t>(i) % by.size()]; });
  EXPECT_THAT(causes_of(shape_, ref_, other, in_bf16()), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Pointwise, ::testing::Combine(::testing::Range(0u, 6u), ::testing::Bool()));

TEST(ScaleConstant, SaysWhichAndUndoesIt) {
  const Values ref = normal(640, 3);
  const auto side = [](const Values& values) {
    return std::vector<artifacts::NamedTensor>{{"x", floats({10, 64}, values)}};
  };
  const Values port = mapped(ref, [](double x, int64_t) { return 8 * x; });
  const auto found = diagnosed(side(ref), side(port));
  ASSERT_EQ(found.diagnosis.causes.size(), 1u);
  EXPECT_THAT(found.diagnosis.causes[0].detail, HasSubstr("8 = 8"));
  const auto back =
      transformed(parse_chain(found.diagnosis.causes[0].transform), floats({10, 64}, port));
  for (int64_t i = 0; i < back.count(); ++i) {
    EXPECT_NEAR(artifacts::value_at(back, i), ref[static_cast<size_t>(i)], 1e-5);
  }
}

TEST(ScaleConstant, AnAffinesChainUndoesIt) {
  const Values ref = normal(640, 3);
  const auto side = [](const Values& values) {
    return std::vector<artifacts::NamedTensor>{{"x", floats({10, 64}, values)}};
  };
  const Values port = mapped(ref, [](double x, int64_t) { return 2 * x - 1; });
  const auto found = diagnosed(side(ref), side(port));
  ASSERT_EQ(found.diagnosis.causes.size(), 1u);
  const auto back =
      transformed(parse_chain(found.diagnosis.causes[0].transform), floats({10, 64}, port));
  for (int64_t i = 0; i < back.count(); ++i) {
    EXPECT_NEAR(artifacts::value_at(back, i), ref[static_cast<size_t>(i)], 1e-5);
  }
}

TEST(BiasMissing, OfOneRowNeedsTheWeights) {
  const Values bias = normal(32, 8), ref = normal(32, 9);
  const auto side = [&](bool is_port) {
    std::vector<artifacts::NamedTensor> out = {
        {"mlp.fc", floats({1, 32}, mapped(ref, [&](double x, int64_t i) {
                            return x - (is_port ? bias[static_cast<size_t>(i)] : 0);
                          }))}};
    return out;
  };
  EXPECT_THAT(diagnosed(side(false), side(true)).causes(), IsEmpty());
  auto with_weights = side(false);
  with_weights.push_back({"weights/mlp.fc.bias", floats({32}, bias)});
  EXPECT_THAT(diagnosed(with_weights, side(true)).causes(), ElementsAre("bias.missing at mlp.fc"));
}

class Broadcast : public ::testing::TestWithParam<std::tuple<unsigned, bool>> {};

TEST_P(Broadcast, AVectorOverAnotherAxis) {
  const auto [seed, in_bf16] = GetParam();
  const std::vector<std::pair<artifacts::Shape, std::pair<size_t, size_t>>> kinds = {
      {{2, 16, 16}, {1, 2}},
      {{12, 12}, {0, 1}},
      {{2, 8, 8, 5}, {1, 2}},
      {{2, 16, 4, 16}, {1, 3}},
      {{1, 12, 12, 12}, {1, 3}}};
  const auto& [shape, axes] = kinds[seed % kinds.size()];
  const auto [i, j] = axes;
  const Values ref = normal_like(shape, seed + 1), v = normal(64, seed + 2);
  const auto at = [&, &shape = shape](int64_t k, size_t axis) {
    const int64_t sample = shape.size() > 2 && shape[0] > 1 && seed >= 5
                               ? k / (artifacts::element_count(shape) / 2)
                               : 0;
    return static_cast<double>(v[static_cast<size_t>(place(shape, k, axis) + 20 * sample)]);
  };
  const Values added =
      mapped(ref, [&, i = i, j = j](double x, int64_t k) { return x + at(k, i) - at(k, j); });
  EXPECT_THAT(causes_of(shape, ref, added, in_bf16), ElementsAre("broadcast.axis at x"));
  const Values multiplied =
      mapped(ref, [&, i = i, j = j](double x, int64_t k) { return x * at(k, i) / at(k, j); });
  EXPECT_THAT(causes_of(shape, ref, multiplied, in_bf16), ElementsAre("broadcast.axis at x"));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Broadcast, ::testing::Combine(::testing::Range(0u, 10u), ::testing::Bool()));

} // namespace
} // namespace mflux::parity
