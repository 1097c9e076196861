#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/pipeline/rounding.h"
#include "parity/diagnose/linear.h"
#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using testing::Diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using testing::in_bfloat16;
using ::testing::IsEmpty;
using testing::linear;
using testing::normal;
using testing::with_noise;

/// One wrong tensor among right ones, so that the run is a float32 one.
Diagnosed one_wrong(const std::vector<float>& ref, const std::vector<float>& port) {
  const auto around = normal(60000, 91);
  const auto n = static_cast<int64_t>(ref.size());
  return diagnosed(
      {testing::row("before", around), {"x", floats({1, n / 16, 16}, ref)}},
      {testing::row("before", with_noise(around, 92)), {"x", floats({1, n / 16, 16}, port)}});
}

TEST(OutputRounding, OfThePortIsNamed) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    const auto ref = normal(160 * seed, seed);
    const auto found = one_wrong(ref, in_bfloat16(with_noise(ref, seed + 50)));
    EXPECT_THAT(found.causes(), ElementsAre("dtype.output at x")) << seed;
    EXPECT_THAT(found.diagnosis.causes[0].detail, HasSubstr("bfloat16"));
  }
}

TEST(OutputRounding, ToFloat16IsNotToBfloat16) {
  const auto ref = normal(1600, 3);
  auto port = with_noise(ref, 4);
  for (float& value : port) {
    value = static_cast<float>(static_cast<_Float16>(value));
  }
  const auto found = one_wrong(ref, port);
  ASSERT_THAT(found.causes(), ElementsAre("dtype.output at x"));
  EXPECT_THAT(found.diagnosis.causes[0].detail, HasSubstr("float16"));
}

TEST(OutputRounding, ToLevelsOfAPicture) {
  auto ref = normal(1600, 5);
  for (float& value : ref) {
    value = 0.5f + 0.2f * value;
    value = std::fmin(1.0f, std::fmax(0.0f, value));
  }
  auto port = ref;
  for (float& value : port) {
    value = std::round(value * 255) / 255;
  }
  EXPECT_THAT(one_wrong(ref, port).causes(), ElementsAre("dtype.output at x"));
}

TEST(OutputRounding, OfSomethingElseIsNotNamed) {
  const auto ref = normal(1600, 7);
  EXPECT_THAT(one_wrong(ref, in_bfloat16(normal(1600, 8))).causes(), IsEmpty());
  auto noisy = ref;
  const auto noise = normal(1600, 9);
  for (size_t i = 0; i < noisy.size(); ++i) {
    noisy[i] += 2e-3f * noise[i]; // as large as rounding to bfloat16, but not on its grid
  }
  EXPECT_THAT(one_wrong(ref, noisy).causes(), IsEmpty());
}

using Values = std::vector<float>;

Values rounded(Values values, double (*to)(double)) {
  for (float& value : values) {
    value = static_cast<float>(to(value));
  }
  return values;
}

class NarrowLayer : public ::testing::TestWithParam<unsigned> {
 protected:
  static constexpr size_t kIn = 48, kOut = 32;
  static constexpr int kRows = 40;

  /// Of a linear layer that computes in float32 and one whose output is `port`.
  Diagnosed off(const Values& port) const {
    const auto side = [&](const Values& y) {
      return std::vector{
          artifacts::NamedTensor{"m.proj.in", floats({kRows, kIn}, x_)},
          {"m.proj", floats({kRows, kOut}, y)}};
    };
    auto ref = side(linear(x_, w_, b_));
    ref.push_back({"weights/proj.weight", floats({kOut, kIn}, w_)});
    ref.push_back({"weights/proj.bias", floats({kOut}, b_)});
    return diagnosed(ref, side(port));
  }

  Values in(double (*to)(double)) const {
    return linear(rounded(x_, to), rounded(w_, to), b_);
  }

  Values x_ = normal(kRows * kIn, GetParam()), w_ = normal(kOut * kIn, GetParam() + 5),
         b_ = normal(kOut, GetParam() + 9);
};

TEST_P(NarrowLayer, InTf32) {
  for (const auto to : {to_tf32, cut_to_tf32}) {
    const auto found = off(with_noise(in(to), 1));
    EXPECT_THAT(found.causes(), ElementsAre("dtype.tf32 at m.proj"));
  }
}

TEST_P(NarrowLayer, InBfloat16) {
  const auto found = off(with_noise(in(to_bfloat16), 1));
  ASSERT_THAT(found.causes(), ElementsAre("dtype.compute at m.proj"));
  EXPECT_THAT(found.diagnosis.causes[0].detail, HasSubstr("bfloat16"));
}

// TF32 has float16's significand, but what ran in TF32 is not stored in float16.
TEST_P(NarrowLayer, InFloat16) {
  const auto found = off(rounded(in(to_float16), to_float16));
  ASSERT_THAT(found.causes(), ElementsAre("dtype.compute at m.proj"));
  EXPECT_THAT(found.diagnosis.causes[0].detail, HasSubstr("float16"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, NarrowLayer, ::testing::Values(1u, 2u, 3u, 4u));

class Accumulated : public ::testing::Test {
 protected:
  static inline const Values kErrors{5e-7f, 2e-6f, 8e-6f, 1.6e-5f, 2e-5f};

  /// Of a chain of checkpoints with errors of these sizes: noise, or the same in every row.
  Diagnosed chain(const Values& errors, bool has_structure = false) const {
    std::vector<artifacts::NamedTensor> ref, port;
    for (size_t i = 0; i < errors.size(); ++i) {
      const auto seed = static_cast<unsigned>(10 * i);
      const Values values = normal(3200, seed), noise = normal(3200, seed + 1);
      Values off = values;
      for (size_t k = 0; k < off.size(); ++k) {
        off[k] += errors[i] * noise[has_structure ? k % 64 : k];
      }
      const auto name = "block." + std::to_string(i);
      ref.push_back({name, floats({50, 64}, values)});
      port.push_back({name, floats({50, 64}, off)});
    }
    return diagnosed(ref, port);
  }
};

TEST_F(Accumulated, NoiseThatGrowsSlowly) {
  EXPECT_THAT(
      chain(kErrors).causes(), ElementsAre(::testing::StartsWith("noise.accumulation at block.")));
}

TEST_F(Accumulated, ErrorsThatStandOutAreNone) {
  EXPECT_THAT(chain({1e-7f, 1e-7f, 5e-4f, 6e-4f}).causes(), IsEmpty());
  EXPECT_THAT(chain({5e-7f, 2e-6f, 2e-4f, 2e-4f}).causes(), IsEmpty());
}

TEST_F(Accumulated, ErrorsOfAShapeAreNone) {
  for (const auto& cause : chain(kErrors, true).causes()) {
    EXPECT_THAT(cause, ::testing::Not(HasSubstr("noise.accumulation")));
  }
}

} // namespace
} // namespace mflux::parity
