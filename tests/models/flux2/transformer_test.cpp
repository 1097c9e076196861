// What the fixtures cannot show: ids as the pipeline makes them, and inputs that do not fit.
#include "mflux/models/flux2/transformer.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux::flux2 {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

std::vector<int64_t> values(const mx::array& ids) {
  const auto plain = mx::contiguous(ids);
  mx::eval(plain);
  return {plain.data<int64_t>(), plain.data<int64_t>() + plain.size()};
}

TEST(Flux2Ids, OfTextCountTokens) {
  EXPECT_EQ(text_ids(2, 3).shape(), (mx::Shape{2, 3, 4}));
  EXPECT_THAT(values(text_ids(1, 3)), ElementsAre(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2));
}

TEST(Flux2Ids, OfAnImageAreItsRowsAndColumns) {
  EXPECT_THAT(
      values(image_ids(1, {.columns = 2, .rows = 2})),
      ElementsAre(0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0));
  EXPECT_EQ(image_ids(3, {.columns = 2, .rows = 5}).shape(), (mx::Shape{3, 10, 4}));
}

TEST(Flux2Ids, OfReferenceImagesStandAtTensOfTime) {
  const auto ids = reference_ids(2, {{.columns = 1, .rows = 2}, {.columns = 2, .rows = 1}});
  EXPECT_EQ(ids.shape(), (mx::Shape{2, 4, 4}));
  const std::vector<int64_t> one{10, 0, 0, 0, 10, 1, 0, 0, 20, 0, 0, 0, 20, 0, 1, 0};
  auto twice = one;
  twice.insert(twice.end(), one.begin(), one.end());
  EXPECT_EQ(values(ids), twice);
}

class TransformerInputs : public ::testing::Test {
 protected:
  Flux2Transformer2DModel model =
      load_transformer(testing::fixture("flux2_transformer/klein"), mx::float32);
  Positions img = model.pos_embed.prepare(image_ids(1, {.columns = 3, .rows = 2}));
  Positions txt = model.pos_embed.prepare(text_ids(1, 5));

  TransformerInput good() const {
    return {
        .hidden_states = mx::zeros({1, 6, 12}),
        .encoder_hidden_states = mx::zeros({1, 5, 20}),
        .timestep = mx::ones({1}),
        .img = img,
        .txt = txt};
  }
  std::string rejection(const TransformerInput& input) const {
    return error_of([&] { model(input); });
  }
};

TEST_F(TransformerInputs, ThatFitGiveTheImagesTokens) {
  EXPECT_EQ(model(good()).shape(), (mx::Shape{1, 6, 12}));
}

TEST_F(TransformerInputs, OfWrongShapesAreNamed) {
  auto input = good();
  input.hidden_states = mx::zeros({1, 6, 11});
  EXPECT_EQ(rejection(input), "transformer: hidden_states is [1, 6, 11], expected [1, tokens, 12]");
  input = good();
  input.hidden_states = mx::zeros({6, 12});
  EXPECT_THAT(rejection(input), HasSubstr("hidden_states is [6, 12]"));
  input = good();
  input.encoder_hidden_states = mx::zeros({2, 5, 20});
  EXPECT_THAT(rejection(input), HasSubstr("encoder_hidden_states is [2, 5, 20]"));
  input = good();
  input.timestep = mx::ones({2});
  EXPECT_THAT(rejection(input), HasSubstr("timestep is [2], expected [1]"));
  input = good();
  input.guidance = mx::ones({1, 1});
  EXPECT_THAT(rejection(input), HasSubstr("guidance is [1, 1]"));
  input = good();
  input.encoder_hidden_states = mx::zeros({1, 4, 20});
  EXPECT_THAT(rejection(input), HasSubstr("txt_ids is [1, 5, 4], expected ids of 4 tokens"));
  input = good();
  input.hidden_states = mx::zeros({1, 7, 12});
  EXPECT_THAT(rejection(input), HasSubstr("img_ids is [1, 6, 4], expected ids of 7 tokens"));
}

TEST_F(TransformerInputs, IdsMustBeFiniteNumbersPerAxis) {
  const auto prepare = [&](const mx::array& ids) {
    return error_of([&] { model.pos_embed.prepare(ids); });
  };
  EXPECT_THAT(prepare(mx::zeros({5, 3})), HasSubstr("pos_embed: the input is [5, 3]"));
  EXPECT_THAT(prepare(mx::zeros({0, 5, 4})), HasSubstr("[0, 5, 4]"));
  EXPECT_THAT(prepare(mx::zeros({5})), HasSubstr("[5]"));
  const auto nan = mx::full({5, 4}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(prepare(nan), HasSubstr("not finite"));
}

TEST(Flux2TransformerLoading, RefusesOtherTypes) {
  EXPECT_THAT(
      error_of([] { load_transformer(testing::fixture("flux2_transformer/klein"), mx::float16); }),
      HasSubstr("float32 or bfloat16"));
}

} // namespace
} // namespace mflux::flux2
