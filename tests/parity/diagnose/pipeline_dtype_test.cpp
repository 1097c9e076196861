#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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

} // namespace
} // namespace mflux::parity
