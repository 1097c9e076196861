#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mflux/parity/transforms/transform.h"
#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using artifacts::Shape;
using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using testing::in_bfloat16;
using ::testing::IsEmpty;
using testing::normal;
using testing::with_noise;

using Values = std::vector<float>;

size_t size_of(const Shape& shape) {
  return static_cast<size_t>(artifacts::element_count(shape));
}

/// x.reshape(sizes).transpose(order), flat, by counting through the result's indices.
Values moved(const Values& x, const Shape& sizes, const std::vector<size_t>& order) {
  std::vector<int64_t> index(sizes.size());
  Values out;
  for (size_t k = 0; k < x.size(); ++k) {
    size_t from = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      from = from * static_cast<size_t>(sizes[axis]) + static_cast<size_t>(index[axis]);
    }
    out.push_back(x[from]);
    for (size_t place = order.size(); place-- > 0;) {
      const size_t axis = order[place];
      if (++index[axis] < sizes[axis]) {
        break;
      }
      index[axis] = 0;
    }
  }
  return out;
}

/// A port that holds `values` as `shape` where the reference holds x.
void expect_named(
    const std::string& id,
    const std::string& name,
    const Shape& ref_shape,
    const Values& x,
    const Shape& port_shape,
    const Values& values) {
  const auto found =
      diagnosed({{name, floats(ref_shape, x)}}, {{name, floats(port_shape, values)}});
  EXPECT_THAT(found.causes(), ElementsAre(id + " at " + name));
  if (found.diagnosis.causes.empty()) {
    return;
  }
  const std::string& chain = found.diagnosis.causes.front().transform;
  SCOPED_TRACE(chain);
  const auto back = chain.empty() ? floats(port_shape, values)
                                  : transformed(parse_chain(chain), floats(port_shape, values));
  ASSERT_EQ(back.shape, ref_shape);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double d = artifacts::value_at(back, static_cast<int64_t>(i)) - x[i];
    worst = std::max(worst, std::abs(d));
  }
  EXPECT_LT(worst, 0.02);
}

TEST(LayoutPermute, AxesMovedOrTakenForOthers) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const int64_t n = 4 + seed;
    const Shape nchw = {2, 6, n, 2 * n}, nhwc = {2, n, 2 * n, 6};
    const Values x = normal(size_of(nchw), seed);
    const Values last = with_noise(moved(x, nchw, {0, 2, 3, 1}), seed + 9);
    expect_named("layout.permute", "vae.x", nchw, x, nhwc, last);             // moved
    expect_named("layout.permute", "vae.x", nchw, x, nhwc, with_noise(x, 7)); // taken for
    expect_named("layout.permute", "vae.x", nchw, x, nchw, last);             // the other way
  }
}

TEST(LayoutPermute, TokensAndSquareImages) {
  const Shape tokens = {1, 30, 8}, square = {1, 4, 9, 9};
  const Values x = normal(240, 4), y = normal(324, 5);
  // [B, C, h, w] was reshaped to [B, tokens, C].
  expect_named("layout.permute", "x", tokens, x, tokens, moved(x, tokens, {0, 2, 1}));
  expect_named("layout.permute", "y", square, y, square, moved(y, square, {0, 1, 3, 2}));
  const Values rounded = in_bfloat16(y);
  expect_named(
      "layout.permute", "y", square, rounded, square, moved(rounded, square, {0, 1, 3, 2}));
}

TEST(LayoutHeads, JoinedOrSplitWithoutTheTranspose) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const int64_t heads = 3 + seed, width = 8, tokens = 10;
    const Shape joined = {2, tokens, heads * width}, apart = {2, tokens, heads, width};
    const Values x = normal(size_of(joined), seed);
    const Values port = with_noise(moved(x, apart, {0, 2, 1, 3}), 5);
    expect_named("layout.heads", "blocks.0.attn.to_out.0.in", joined, x, joined, port);
    expect_named(
        "layout.heads", "attn.h", joined, x, joined, with_noise(moved(x, apart, {0, 1, 3, 2}), 1));
  }
}

TEST(LayoutHeads, SplitByTheOtherFactor) {
  const Values x = normal(2 * 7 * 15, 3); // [2, 7, 15]: 3 heads of 5
  const Values ref = moved(x, {2, 7, 3, 5}, {0, 2, 1, 3});
  const Values port = moved(x, {2, 7, 5, 3}, {0, 3, 1, 2});
  const Shape shape = {2, 3, 7, 5};
  expect_named("layout.heads", "attn.q", shape, ref, shape, with_noise(port, 2));
}

TEST(LayoutGqaRepeat, TiledForRepeated) {
  const Values kv = normal(2 * 6 * 5, 8); // [2 heads, 6, 5]
  Values repeated, tiled;
  for (size_t h = 0; h < 6; ++h) {
    for (size_t i = 0; i < 30; ++i) {
      repeated.push_back(kv[h / 3 * 30 + i]);
      tiled.push_back(kv[h % 2 * 30 + i]);
    }
  }
  const Shape shape = {1, 6, 6, 5};
  const auto found = diagnosed({{"k", floats(shape, repeated)}}, {{"k", floats(shape, tiled)}});
  EXPECT_THAT(found.causes(), ElementsAre("layout.gqa_repeat at k"));
}

TEST(LayoutPatchOrder, ChannelsFirstOrLastInAPatch) {
  for (const int64_t channels : {3, 4, 16}) {
    const int64_t tokens = 12;
    const Values x = normal(static_cast<size_t>(tokens * channels * 4), 6);
    const Shape packed = {1, tokens, channels * 4};
    const Values last = moved(x, {tokens, channels, 2, 2}, {0, 2, 3, 1});
    expect_named("layout.patch_order", "latents_packed", packed, x, packed, with_noise(last, 3));
    // … and the image that is put together from them.
    const Values ref = moved(x, {3, 4, channels, 2, 2}, {2, 0, 3, 1, 4});
    const Values port = moved(x, {3, 4, 2, 2, channels}, {4, 0, 2, 1, 3});
    const Shape image = {1, channels, 6, 8};
    expect_named("layout.patch_order", "latents_unpacked", image, ref, image, with_noise(port, 4));
  }
}

TEST(LayoutPatchOrder, TokensOfATurnedGrid) {
  const Values x = normal(24 * 8, 6);
  const Shape shape = {1, 24, 8};
  expect_named("layout.patch_order", "pos_embed", shape, x, shape, moved(x, {4, 6, 8}, {1, 0, 2}));
}

TEST(Layout, IsSilentWhereNothingMoved) {
  const Shape shape = {2, 6, 6, 8};
  for (unsigned seed = 0; seed < 4; ++seed) {
    const Values x = normal(size_of(shape), seed);
    const auto clean =
        diagnosed({{"x", floats(shape, x)}}, {{"x", floats(shape, with_noise(x, seed + 1))}});
    EXPECT_THAT(clean.causes(), IsEmpty());
    const auto other =
        diagnosed({{"x", floats(shape, x)}}, {{"x", floats(shape, normal(x.size(), seed + 50))}});
    for (const auto& cause : other.causes()) {
      EXPECT_EQ(cause.find("layout"), std::string::npos) << cause;
    }
  }
}

} // namespace
} // namespace mflux::parity
