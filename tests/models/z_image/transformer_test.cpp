// What the fixtures cannot show: inputs that do not fit.
#include "mflux/models/z_image/transformer.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/nn/host_values.h"
#include "mflux/weights/weights.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux::z_image {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

class ZImageInputs : public ::testing::Test {
 protected:
  ZImageTransformer2DModel model =
      load_transformer(testing::fixture("z_image_transformer/turbo"), mx::float32);

  TransformerInput good() const {
    return {.x = {mx::zeros({4, 1, 2, 6})}, .t = mx::ones({1}), .cap_feats = {mx::zeros({3, 10})}};
  }
  std::string rejection(const TransformerInput& input) const {
    return error_of([&] { model(input); });
  }
};

TEST_F(ZImageInputs, ThatFitGiveThePicture) {
  EXPECT_EQ(model(good()).at(0).shape(), (mx::Shape{4, 1, 2, 6}));
}

TEST_F(ZImageInputs, OfWrongShapesAreNamed) {
  auto input = good();
  input.x = {mx::zeros({4, 1, 3, 6})};
  EXPECT_EQ(
      rejection(input),
      "transformer: x.0 is [4, 1, 3, 6], expected [4, frames, height, width], multiples of 1, 2 "
      "and 2");
  input = good();
  input.x = {mx::zeros({4, 0, 2, 6})};
  EXPECT_THAT(rejection(input), HasSubstr("x.0 is [4, 0, 2, 6]"));
  input = good();
  input.cap_feats = {mx::zeros({3, 9})};
  EXPECT_THAT(rejection(input), HasSubstr("cap_feats.0 is [3, 9], expected [tokens, 10]"));
  input = good();
  input.t = mx::ones({2});
  EXPECT_THAT(rejection(input), HasSubstr("t is [2], expected [1]"));
  input = good();
  input.cap_feats.push_back(mx::zeros({3, 10}));
  EXPECT_THAT(rejection(input), HasSubstr("1 images and 2 captions"));
  input = {.x = {}, .t = mx::ones({0}), .cap_feats = {}};
  EXPECT_THAT(rejection(input), HasSubstr("0 images"));
}

// The reference raises an index error; MLX would read beside its tables.
TEST_F(ZImageInputs, BeyondTheAxesAreRefused) {
  auto input = good();
  input.x = {mx::zeros({4, 1, 2, 34})};
  EXPECT_THAT(rejection(input), HasSubstr("column's position is 16, but the transformer has 16"));
  input = good();
  input.cap_feats = {mx::zeros({97, 10})}; // padded to 128, so the image stands at 129
  EXPECT_THAT(rejection(input), HasSubstr("first position is 129, but the transformer has 128"));
}

// Not rounded to float32 before their cosine is taken, angles would be off by 3e-5 here.
TEST(ZImageRope, IsTheReferencesAtFarPositions) {
  const capture::Inputs file(testing::fixture("nn/z_image_rope.safetensors"));
  const auto at = [&](const char* name) { return to_array(file.require({name})); };
  const auto ids = nn::host_values(at("ids"));
  std::vector<Position> positions;
  for (size_t i = 0; i < ids.size(); i += 3) {
    positions.push_back(
        {.t = static_cast<int>(ids[i]),
         .row = static_cast<int>(ids[i + 1]),
         .column = static_cast<int>(ids[i + 2])});
  }
  const auto tables = turns_of(positions, TransformerConfig{});
  const auto most = [](const mx::array& got, const mx::array& half) {
    const auto want = mx::repeat(half, 2, 1);
    EXPECT_EQ(got.shape(), want.shape());
    return mx::max(mx::abs(mx::subtract(got, want))).item<float>();
  };
  EXPECT_LE(most(tables.cos, at("cos")), 1.2e-7);
  EXPECT_LE(most(tables.sin, at("sin")), 1.2e-7);
}

} // namespace
} // namespace mflux::z_image
