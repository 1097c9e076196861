// What the transforms do to values is compared with NumPy in tests/reference/test_try.py.
#include "mflux/parity/transforms/transform.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "support/dumps.h"
#include "support/expect_error.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Shape;
using artifacts::Tensor;
using mflux::testing::error_of;
using mflux::testing::floats;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<double> values(const Tensor& tensor) {
  std::vector<double> out;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    out.push_back(artifacts::value_at(tensor, i));
  }
  return out;
}

Tensor applied(const std::string& chain, const Tensor& tensor) {
  return transformed(parse_chain(chain), tensor);
}

TEST(ParseChain, SpellingsRoundTrip) {
  for (const std::string text :
       {"permute 0,2,1,3",
        "transpose -1,0",
        "reshape 1,64,-1,48",
        "flip -2",
        "roll 1,-3",
        "slice 1,0,64",
        "slice -1,-4,,2",
        "swap_halves",
        "swap_halves 0",
        "rope interleaved->half",
        "rope half->interleaved,64",
        "rope interleaved->half,64,-2",
        "cast bfloat16",
        "scale 0.125",
        "scale 1e-07",
        "add -0.1159",
        "negate",
        "permute 1,0 | scale 0.1 | negate"}) {
    EXPECT_EQ(to_string(parse_chain(text)), text);
  }
  EXPECT_EQ(to_string(parse_chain(" permute  1 , 0|negate ")), "permute 1,0 | negate");
  const double third = 1.0 / 3;
  EXPECT_EQ(std::get<Scale>(parse_transform(to_string(Transform(Scale{third})))).factor, third);
}

TEST(ParseChain, WhatIsNotUnderstoodIsOneLine) {
  const auto refusal = [](const std::string& text) { return error_of([&] { parse_chain(text); }); };
  EXPECT_THAT(refusal("permutate 0,1"), HasSubstr("did you mean permute?"));
  EXPECT_THAT(refusal("frobnicate"), HasSubstr("no transform \"frobnicate\": expected permute,"));
  EXPECT_THAT(refusal(""), HasSubstr("an empty transform"));
  EXPECT_THAT(refusal("negate |"), HasSubstr("an empty transform"));
  EXPECT_THAT(refusal("negate 3"), HasSubstr("\"negate 3\": expected negate"));
  EXPECT_THAT(refusal("permute"), HasSubstr("expected permute 0,2,1,3"));
  EXPECT_THAT(refusal("permute 0,x"), HasSubstr("expected a whole number, got \"x\""));
  EXPECT_THAT(refusal("permute 0,,1"), HasSubstr("expected a whole number, got \"\""));
  EXPECT_THAT(refusal("roll 1"), HasSubstr("expected roll AXIS,SHIFT"));
  EXPECT_THAT(refusal("scale nan"), HasSubstr("expected a number"));
  EXPECT_THAT(refusal("scale 1e999"), HasSubstr("expected a number"));
  EXPECT_THAT(refusal("scale 2x"), HasSubstr("expected a number, got \"2x\""));
  EXPECT_THAT(refusal("cast float17"), HasSubstr("expected a dtype"));
  EXPECT_THAT(refusal("cast complex64"), HasSubstr("expected a dtype"));
  EXPECT_THAT(refusal("slice 0,0,4,0"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal("rope left->right"), HasSubstr("expected interleaved->half"));
  EXPECT_THAT(refusal("roll 99999999999999999999,1"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal("a\x1b[31m"), HasSubstr("\\x1b"));
}

TEST(Transformed, WhatDoesNotFitIsOneLine) {
  const Tensor x = floats({2, 3, 4}, std::vector<float>(24));
  const auto refusal = [&](const std::string& text) { return error_of([&] { applied(text, x); }); };
  EXPECT_THAT(refusal("permute 0,1"), HasSubstr("2 axes for the tensor of shape [2, 3, 4]"));
  EXPECT_THAT(refusal("permute 0,1,3"), HasSubstr("has no axis 3"));
  EXPECT_THAT(refusal("permute 0,1,-4"), HasSubstr("has no axis -4"));
  EXPECT_THAT(refusal("permute 0,1,-2"), HasSubstr("axis -2 stands twice"));
  EXPECT_THAT(refusal("transpose 0,9"), HasSubstr("no axis 9"));
  EXPECT_THAT(refusal("flip 3"), HasSubstr("no axis 3"));
  EXPECT_THAT(refusal("roll 3,1"), HasSubstr("no axis 3"));
  EXPECT_THAT(refusal("reshape 5,5"), HasSubstr("24 elements of shape [2, 3, 4] do not make"));
  EXPECT_THAT(refusal("reshape 5,-1"), HasSubstr("do not make the shape [5, -1]"));
  EXPECT_THAT(refusal("reshape 0,-1"), HasSubstr("do not make"));
  EXPECT_THAT(refusal("reshape -1,-1"), HasSubstr("negative size"));
  EXPECT_THAT(refusal("reshape -2,-12"), HasSubstr("negative size"));
  EXPECT_THAT(refusal("reshape 4294967296,4294967296"), HasSubstr("2^63"));
  EXPECT_THAT(refusal("slice 1,0,4"), HasSubstr("leaves axis 1"));
  EXPECT_THAT(refusal("slice 1,2,2"), HasSubstr("keeps nothing"));
  EXPECT_THAT(refusal("slice 1,-4,2"), HasSubstr("leaves axis 1"));
  EXPECT_THAT(refusal("swap_halves 1"), HasSubstr("no two halves"));
  EXPECT_THAT(refusal("rope interleaved->half,3"), HasSubstr("heads of 3"));
  EXPECT_THAT(refusal("rope interleaved->half,8"), HasSubstr("heads of 8"));
  EXPECT_THAT(refusal("rope interleaved->half,0"), HasSubstr("heads of 0"));
  EXPECT_THAT(refusal("rope interleaved->half,-2"), HasSubstr("heads of -2"));
  EXPECT_THAT(refusal("negate | flip 7"), HasSubstr("\"flip 7\": the tensor"));
  const Tensor nan = floats({1}, {std::numeric_limits<float>::quiet_NaN()});
  EXPECT_THAT(error_of([&] { applied("cast int32", nan); }), HasSubstr("int32 cannot hold nan"));
  EXPECT_THAT(
      error_of([&] { applied("cast uint8", floats({1}, {256})); }), HasSubstr("cannot hold 256"));
}

TEST(Transformed, ViewsShareTheirElements) {
  const Tensor x = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  for (const char* chain : {"permute 1,0", "flip 1", "slice 1,1,", "reshape 6", "transpose 0,1"}) {
    EXPECT_EQ(applied(chain, x).storage, x.storage) << chain;
  }
  EXPECT_THAT(values(applied("flip 1 | slice 1,0,,2", x)), ElementsAre(2, 0, 5, 3));
}

TEST(Transformed, ScalarsAndEmptyTensors) {
  const Tensor scalar = floats({}, {3});
  EXPECT_THAT(values(applied("scale 2 | add 1 | negate", scalar)), ElementsAre(-7));
  EXPECT_EQ(applied("reshape 1,1", scalar).shape, (Shape{1, 1}));
  const Tensor empty = floats({2, 0, 4}, {});
  for (const char* chain : {"flip 1", "roll 1,3", "permute 2,1,0", "reshape 0,8", "negate"}) {
    EXPECT_EQ(applied(chain, empty).count(), 0) << chain;
  }
}

TEST(Transformed, LimitsOfNarrowTypes) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = floats({4}, {65519, 65520, -1e30F, infinity});
  EXPECT_THAT(
      values(applied("cast float16", x)), ElementsAre(65504, infinity, -infinity, infinity));
  const auto eighth = values(applied("cast float8_e4m3", floats({3}, {464, 465, infinity})));
  EXPECT_EQ(eighth[0], 448);
  EXPECT_TRUE(std::isnan(eighth[1]) && std::isnan(eighth[2]));
  EXPECT_EQ(applied("scale 2", applied("cast float16", x)).dtype, Dtype::float32);
}

} // namespace
} // namespace mflux::parity
