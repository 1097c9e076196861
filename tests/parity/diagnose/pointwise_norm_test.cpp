#include "mflux/parity/diagnose/pointwise/norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <map>

#include "parity/diagnose/pointwise_support.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using testing::in_bfloat16;
using ::testing::IsEmpty;
using testing::mapped;
using testing::normal;
using testing::normal_like;
using testing::place;
using testing::Values;
using testing::with_noise;

/// x normalised over the groups that `group` names, written out as torch defines it.
Values norm(
    const Values& x, const std::function<int64_t(int64_t)>& group, bool has_mean, double eps) {
  std::map<int64_t, std::array<double, 3>> sums;
  for (size_t i = 0; i < x.size(); ++i) {
    auto& [count, sum, square] = sums[group(static_cast<int64_t>(i))];
    count += 1;
    sum += x[i];
    square += double{x[i]} * x[i];
  }
  return mapped(x, [&](double value, int64_t i) {
    const auto& [count, sum, square] = sums[group(i)];
    const double mean = has_mean ? sum / count : 0;
    return (value - mean) / std::sqrt(square / count - mean * mean + eps);
  });
}

class Norm : public ::testing::TestWithParam<std::tuple<unsigned, bool>> {
 protected:
  unsigned seed() const {
    return std::get<0>(GetParam());
  }

  /// Rows of different size, off centre.
  Values input(const artifacts::Shape& shape, double size) const {
    const Values scale = normal(4096, seed() + 20);
    return mapped(normal_like(shape, seed() + 1), [&](double x, int64_t i) {
      return size * std::exp(scale[static_cast<size_t>(i / shape.back()) % 4096]) * (x + 0.4);
    });
  }

  /// With a weight and a bias for each channel.
  Values scaled(const artifacts::Shape& shape, const Values& n, size_t axis) const {
    const Values weight = normal(256, seed() + 30), bias = normal(256, seed() + 31);
    return mapped(n, [&](double value, int64_t i) {
      const auto c = static_cast<size_t>(place(shape, i, axis));
      return value * (1 + 0.3 * weight[c]) + 0.2 * bias[c];
    });
  }

  static std::vector<std::string> causes(
      const artifacts::Shape& shape, const Values& x, const Values& ref, const Values& port) {
    const auto side = [&](const Values& out) {
      const bool in_bf16 = std::get<1>(GetParam());
      return std::vector<artifacts::NamedTensor>{
          {"block.norm.in", floats(shape, in_bf16 ? in_bfloat16(x) : x)},
          {"block.norm", floats(shape, in_bf16 ? in_bfloat16(out) : out)}};
    };
    return diagnosed(side(ref), side(with_noise(port, 5))).causes();
  }
};

const artifacts::Shape kRows = {2, 24, 32};
const artifacts::Shape kImage = {2, 16, 6, 8};

int64_t row_of(int64_t i) {
  return i / kRows.back();
}

TEST_P(Norm, AnotherEpsilon) {
  const Values x = input(kRows, 0.05);
  for (const bool has_mean : {true, false}) {
    const Values ref = scaled(kRows, norm(x, row_of, has_mean, 1e-6), 2);
    const Values port = scaled(kRows, norm(x, row_of, has_mean, 1e-3), 2);
    EXPECT_THAT(causes(kRows, x, ref, port), ElementsAre("norm.eps at block.norm"));
    EXPECT_THAT(causes(kRows, x, ref, ref), IsEmpty());
  }
}

TEST_P(Norm, TheMeanOfOneAndNotOfTheOther) {
  const Values x = input(kRows, 1);
  const Values layer = scaled(kRows, norm(x, row_of, true, 1e-6), 2);
  const Values rms = scaled(kRows, norm(x, row_of, false, 1e-6), 2);
  EXPECT_THAT(causes(kRows, x, layer, rms), ElementsAre("norm.mean at block.norm"));
  EXPECT_THAT(causes(kRows, x, rms, layer), ElementsAre("norm.mean at block.norm"));
}

TEST_P(Norm, OtherGroups) {
  const Values x = input(kImage, 1);
  const auto grouped = [](int64_t groups) {
    return
        [groups](int64_t i) { return 100 * (i / (16 * 48)) + place(kImage, i, 1) / (16 / groups); };
  };
  const auto interleaved = [](int64_t i) {
    return 100 * (i / (16 * 48)) + place(kImage, i, 1) % 4;
  };
  const Values ref = scaled(kImage, norm(x, grouped(4), true, 1e-6), 1);
  for (const Values& port : {norm(x, grouped(8), true, 1e-6), norm(x, interleaved, true, 1e-6)}) {
    EXPECT_THAT(
        causes(kImage, x, ref, scaled(kImage, port, 1)), ElementsAre("norm.groups at block.norm"));
  }
}

TEST_P(Norm, ScaleAndShiftOfEachSample) {
  const Values x = input(kRows, 1), n = norm(x, row_of, true, 1e-6);
  const Values scale = normal(64, seed() + 40), shift = normal(64, seed() + 41);
  const auto modulated = [&](double one, const Values& a, const Values& b) {
    return mapped(n, [&](double value, int64_t i) {
      const auto c = static_cast<size_t>(i / (24 * 32) * 32 + i % 32);
      return value * (one + a[c]) + b[c];
    });
  };
  const Values ref = modulated(1, scale, shift);
  EXPECT_THAT(
      causes(kRows, x, ref, modulated(1, shift, scale)),
      ElementsAre("modulation.swapped at block.norm"));
  EXPECT_THAT(
      causes(kRows, x, ref, modulated(0, scale, shift)),
      ElementsAre("modulation.one at block.norm"));
  EXPECT_THAT(
      causes(kRows, x, modulated(0, scale, shift), ref),
      ElementsAre("modulation.one at block.norm"));
}

INSTANTIATE_TEST_SUITE_P(
    Seeds, Norm, ::testing::Combine(::testing::Range(0u, 4u), ::testing::Bool()));

} // namespace
} // namespace mflux::parity
