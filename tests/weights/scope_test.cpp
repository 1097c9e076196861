#include "mflux/weights/scope.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/nn/conv2d.h"
#include "mflux/nn/linear.h"
#include "support/expect_error.h"

namespace mflux {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(Load, ReportsEveryProblemAtOnce) {
  const Weights weights{{"weight", mx::zeros({2, 2})}, {"biass", mx::zeros({3})}};
  EXPECT_EQ(
      error_of([&] { load<nn::Linear>(weights, 2, 3, nn::Bias::yes); }),
      "3 problems with the weights: wrong shape: weight is [2, 2], expected [3, 2]; missing: bias "
      "(did biass take its place?); unused: biass");
}

TEST(Load, ReportsIntegers) {
  EXPECT_EQ(
      error_of([] {
        load<nn::Linear>(Weights{{"weight", mx::zeros({1, 2}, mx::int32)}}, 2, 1);
      }),
      "1 problem with the weights: wrong type: weight holds no floating-point numbers");
}

struct Twice : nn::Module {
  explicit Twice(Scope here) : Module(std::move(here)) {}
  nn::Linear a{at("proj"), 2, 2}, b{at("proj"), 2, 2};
};

TEST(Load, ReportsWhatIsUsedTwice) {
  EXPECT_EQ(
      error_of([] {
        load<Twice>(Weights{{"proj.weight", mx::zeros({2, 2})}});
      }),
      "1 problem with the weights: used twice: proj.weight");
}

TEST(Load, TakesEveryTensorOnce) {
  const auto linear = load<nn::Linear>(Weights{{"weight", mx::array({1.f, 2.f}, {1, 2})}}, 2, 1);
  EXPECT_EQ(linear(mx::array({3.f, 4.f}, {1, 2})).item<float>(), 11.f);
}

struct Spared : nn::Linear {
  using nn::Linear::Linear;
  static constexpr std::array kUnusedByDesign{"steps", "layers.9.*"};
};

TEST(Load, SparesWhatIsUnusedByDesign) {
  Weights weights{
      {"weight", mx::zeros({1, 2})}, {"steps", mx::array(7)}, {"layers.9.a.b", mx::array(7)}};
  EXPECT_NO_THROW(load<Spared>(weights, 2, 1));
  weights.emplace("layers.8.a", mx::array(7));
  EXPECT_EQ(
      error_of([&] { load<Spared>(weights, 2, 1); }),
      "1 problem with the weights: unused: layers.8.a");
}

TEST(Load, WholeOtherCheckpointStaysOneLine) {
  Weights weights;
  for (int i = 0; i < 500; ++i) {
    weights.emplace("other.model.layer." + std::to_string(i), mx::array(0));
  }
  const auto error = error_of([&] { load<nn::Linear>(weights, 2, 1); });
  EXPECT_THAT(error, HasSubstr("501 problems with the weights: missing: weight; unused: other."));
  EXPECT_THAT(error, HasSubstr("and 481 more"));
}

TEST(Load, ReleasesUnusedTensors) {
  Weights weights{{"weight", mx::zeros({1, 2})}};
  const auto& spare = weights.emplace("spare", mx::ones({1 << 20})).first->second;
  mx::eval({spare});
  const Loader loader(std::move(weights));
  const nn::Linear linear(loader.root(), 2, 1);
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  loader.finish({"spare"});
  EXPECT_LE(mx::get_active_memory() + (size_t{4} << 20), before);
}

TEST(Schema, NamesAndShapesInTheCheckpointsLayout) {
  const auto schema = schema_of<nn::Conv2d>(3, 5, nn::Conv2d::Options{.kernel = 7, .padding = 3});
  const Schema expected{{"weight", {5, 3, 7, 7}}, {"bias", {5}}};
  EXPECT_EQ(schema, expected);
}

} // namespace
} // namespace mflux
