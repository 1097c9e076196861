#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mflux/parity/transforms/transform.h"
#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using artifacts::Shape;
using testing::diagnosed;
using testing::Diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using testing::in_bfloat16;
using testing::normal;
using testing::with_noise;

using Values = std::vector<float>;

/// The slices of `size` values in another order: one batch, axis 0.
Values sliced(const Values& x, size_t size, const std::vector<size_t>& order) {
  Values out;
  for (const size_t slice : order) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(slice * size);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

/// [begins[0], ends[0]), [begins[1], ends[1]), …
std::vector<size_t> ranges(const std::vector<std::pair<size_t, size_t>>& parts) {
  std::vector<size_t> out;
  for (const auto& [begin, end] : parts) {
    for (size_t i = begin; i < end; ++i) {
      out.push_back(i);
    }
  }
  return out;
}

Diagnosed look(const std::string& name, const Shape& shape, const Values& x, const Values& port) {
  return diagnosed({{name, floats(shape, x)}}, {{name, floats(shape, port)}});
}

TEST(ConcatOrder, ImageBeforeText) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const size_t text = 7 + seed, all = 40;
    const Values x = normal(all * 12, seed);
    const Values port = sliced(x, 12, ranges({{text, all}, {0, text}}));
    const auto found = look("x", {1, 40, 12}, x, with_noise(port, seed));
    ASSERT_THAT(found.causes(), ElementsAre("concat.order at x"));
    const auto& cause = found.diagnosis.causes.front();
    const auto back =
        transformed(parse_chain(cause.transform), floats({1, 40, 12}, port)).contiguous();
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(artifacts::value_at(back, static_cast<int64_t>(i)), x[i]) << cause.transform;
    }
    const Values rounded = in_bfloat16(x);
    EXPECT_THAT(
        look("x", {40, 12}, rounded, sliced(rounded, 12, ranges({{text, all}, {0, text}})))
            .causes(),
        ElementsAre("concat.order at x"));
  }
}

TEST(ConcatOrder, ThreePartsOfAnySize) {
  const Values x = normal(50 * 6, 2);
  const Values port = sliced(x, 6, ranges({{31, 50}, {9, 31}, {0, 9}}));
  const auto found = look("x", {50, 6}, x, with_noise(port, 3));
  EXPECT_THAT(found.causes(), ElementsAre("concat.order at x"));
  EXPECT_EQ(
      found.diagnosis.causes.front().detail,
      "along axis 0 the port holds the reference's [31:50], [9:31], [0:9]");
}

TEST(ConcatOrder, SineAndCosine) {
  const Values x = normal(32, 2);
  EXPECT_THAT(
      look("time_proj", {1, 32}, x, sliced(x, 1, ranges({{16, 32}, {0, 16}}))).causes(),
      ElementsAre("concat.order at time_proj"));
}

TEST(LayoutHeads, InAnyOrder) {
  const Values x = normal(12 * 30, 2);
  const Shape shape = {1, 12, 6, 5};
  const Values port = sliced(x, 30, {3, 7, 1, 0, 11, 2, 9, 10, 4, 8, 6, 5});
  EXPECT_THAT(
      look("attn.q", shape, x, with_noise(port, 3)).causes(),
      ElementsAre("layout.heads at attn.q"));
}

TEST(LayoutPermute, Reversed) {
  const Values x = normal(11 * 8, 2);
  std::vector<size_t> back;
  for (size_t i = 11; i-- > 0;) {
    back.push_back(i);
  }
  EXPECT_THAT(
      look("x", {11, 8}, x, sliced(x, 8, back)).causes(), ElementsAre("layout.permute at x"));
}

TEST(ConcatOrder, IsNoPaddingOnTheOtherSide) {
  Values x = normal(9 * 8, 2);
  std::fill(x.end() - 8, x.end(), 0.0f); // the last row is padding
  const auto found = look("x", {9, 8}, x, sliced(x, 8, ranges({{8, 9}, {0, 8}})));
  for (const auto& cause : found.causes()) {
    EXPECT_EQ(cause.find("concat.order"), std::string::npos) << cause;
  }
}

} // namespace
} // namespace mflux::parity
