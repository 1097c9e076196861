// Layers alone on what the reference's layers took and gave: the dumps of the tiny autoencoders
// hold both, and the weights lie beside them. Shapes that a layer refuses are tested here too.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/capture/tensors.h"
#include "mflux/nn/conv2d.h"
#include "mflux/nn/downsample2d.h"
#include "mflux/nn/group_norm.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"
#include "mflux/nn/upsample2d.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux::nn {
namespace {

using capture::channels_first;
using capture::channels_last;
using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

/// One module of the four_blocks model: its weights, and its input and output in a dump.
struct Reference {
  Reference(const std::string& dump, const std::string& module) : path(module) {
    const auto checkpoints = testing::read_dump(fixture("vae/four_blocks") / dump);
    input.push_back(testing::find(checkpoints, "vae." + module + ".in"));
    output.push_back(testing::find(checkpoints, "vae." + module));
  }

  Weights weights() const {
    Weights mine;
    const auto file = fixture("vae/four_blocks/diffusion_pytorch_model.safetensors");
    for (const auto& [name, tensor] : read_weights(file, mx::float32)) {
      if (name.starts_with(path + ".")) {
        mine.emplace(name.substr(path.size() + 1), tensor);
      }
    }
    return mine;
  }

  mx::array in() const {
    EXPECT_TRUE(input[0].slice.empty()) << "choose a checkpoint that is whole";
    return to_array(input[0].tensor);
  }

  void expect(const mx::array& got) const {
    EXPECT_TRUE(output[0].slice.empty()) << "choose a checkpoint that is whole";
    EXPECT_LE(testing::relative_l2(capture::to_tensor(got), output[0].tensor), 5e-7);
  }

  std::string path;
  std::vector<testing::Checkpoint> input, output;
};

TEST(Layers, Conv2dIsTorchs) {
  const Reference reference("decode", "decoder.conv_in");
  const auto conv =
      load<Conv2d>(reference.weights(), 5, 12, Conv2d::Options{.kernel = 3, .padding = 1});
  reference.expect(channels_first(conv(channels_last(reference.in()))));
}

// Strips of rows, as the CPU takes large pictures, are the whole convolution.
TEST(Layers, ConvolutionInStripsIsTheWhole) {
  const auto x = mx::random::normal({2, 11, 6, 3}), weight = mx::random::normal({4, 3, 3, 3});
  for (const int stride : {1, 2}) {
    for (const int padding : {0, 1}) {
      const auto whole = mx::conv2d(x, weight, {stride, stride}, {padding, padding});
      for (const int64_t limit : {1, 500, 1000, 3000}) {
        const auto strips = convolve(x, weight, stride, padding, limit);
        ASSERT_EQ(strips.shape(), whole.shape());
        EXPECT_TRUE(mx::allclose(strips, whole, 1e-5, 1e-5).item<bool>()) << stride << padding;
      }
    }
  }
}

TEST(Layers, GroupNormIsTorchs) {
  const Reference reference("decode", "decoder.mid_block.resnets.0.norm1");
  const auto norm = load<GroupNorm>(reference.weights(), 3, 12, 1e-6f);
  reference.expect(channels_first(norm(channels_last(reference.in()))));
}

TEST(Layers, GroupNormOfTokensIsTorchs) {
  const Reference reference("decode", "decoder.mid_block.attentions.0.group_norm");
  const auto norm = load<GroupNorm>(reference.weights(), 3, 12, 1e-6f);
  reference.expect(channels_first(norm(channels_last(reference.in()))));
}

TEST(Layers, LinearIsTorchs) {
  const Reference reference("decode", "decoder.mid_block.attentions.0.to_q");
  const auto linear = load<Linear>(reference.weights(), 12, 12, Bias::yes);
  reference.expect(linear(reference.in()));
}

TEST(Layers, SiluIsTorchs) {
  const Reference reference("decode", "decoder.mid_block.resnets.0.nonlinearity");
  reference.expect(load<SiLU>(Weights{}, Axes::as_is)(reference.in()));
}

TEST(Layers, UpsampleIsDiffusers) {
  const Reference reference("decode", "decoder.up_blocks.0.upsamplers.0");
  const auto upsample = load<Upsample2D>(reference.weights(), 12);
  const auto got = channels_first(upsample(channels_last(reference.in())));
  EXPECT_EQ(got.shape(), (mx::Shape{1, 12, 6, 8}));
}

TEST(Layers, DownsampleRoundsDown) {
  Weights weights;
  for (const auto& [name, shape] : schema_of<Downsample2D>(1)) {
    weights.emplace(name, mx::ones(shape));
  }
  const auto downsample = load<Downsample2D>(weights, 1);
  EXPECT_EQ(downsample(mx::ones({2, 7, 4, 1})).shape(), (mx::Shape{2, 3, 2, 1}));
}

// Large means must not drown small variances: that is what computing the variance in a second pass
// is for.
TEST(Layers, GroupNormSurvivesLargeMeans) {
  const Weights weights{{"weight", mx::ones({2})}, {"bias", mx::zeros({2})}};
  const auto norm = load<GroupNorm>(weights, 1, 2, 0.0f);
  const auto x = mx::array({4096.f, 4097.f, 4098.f, 4099.f}, {1, 1, 2, 2});
  auto y = norm(x);
  y.eval();
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(y.data<float>()[i], (i - 1.5) / std::sqrt(1.25), 1e-6);
  }
}

TEST(Layers, HalfPrecisionRoundsOnceOnTheCpu) {
  mx::set_default_device(mx::Device::cpu);
  const Reference reference("decode", "decoder.conv_in");
  const Conv2d::Options options{.kernel = 3, .padding = 1};
  Weights half = reference.weights(), widened;
  for (auto& [name, tensor] : half) {
    tensor = mx::astype(tensor, mx::bfloat16);
    widened.emplace(name, mx::astype(tensor, mx::float32));
  }
  const auto x = mx::astype(channels_last(reference.in()), mx::bfloat16);
  const auto got = load<Conv2d>(half, 5, 12, options)(x);
  const auto want = load<Conv2d>(widened, 5, 12, options)(mx::astype(x, mx::float32));
  EXPECT_EQ(got.dtype(), mx::bfloat16);
  EXPECT_TRUE(mx::array_equal(got, mx::astype(want, mx::bfloat16)).item<bool>());
}

/// What a module says about an input that it cannot take.
template <typename Layer, typename... Args>
std::string refusal(const mx::array& x, const Args&... args) {
  const Loader loader{Weights{}};
  const Layer layer(loader.root() / "decoder" / "layer", args...);
  return error_of([&] { layer(x); });
}

TEST(Layers, RefuseWrongShapesByName) {
  const Conv2d::Options same{.kernel = 3, .padding = 1};
  EXPECT_EQ(
      refusal<Conv2d>(mx::ones({1, 4, 4, 3}), 5, 7, same),
      "decoder.layer: the input is [1, 4, 4, 3], expected [batch, height, width, 5]");
  EXPECT_THAT(refusal<Conv2d>(mx::ones({4, 4, 5}), 5, 7, same), HasSubstr("expected [batch"));
  EXPECT_THAT(refusal<Conv2d>(mx::zeros({1, 0, 4, 5}), 5, 7, same), HasSubstr("expected [batch"));
  EXPECT_THAT(
      refusal<Conv2d>(mx::ones({1, 2, 9, 5}), 5, 7, Conv2d::Options{.kernel = 3}),
      HasSubstr("expected sides of at least 3"));
  EXPECT_THAT(refusal<Downsample2D>(mx::ones({1, 1, 4, 5}), 5), HasSubstr("sides of at least 2"));
  EXPECT_THAT(refusal<Upsample2D>(mx::ones({1, 1, 4, 4}), 5), HasSubstr("decoder.layer: "));
  EXPECT_THAT(refusal<Linear>(mx::ones({1, 4}), 5, 5), HasSubstr("expected […, 5]"));
  EXPECT_THAT(refusal<GroupNorm>(mx::ones({3, 6}), 2, 6, 0.f), HasSubstr("three or four axes"));
  EXPECT_THAT(refusal<GroupNorm>(mx::ones({3, 4, 7}), 2, 6, 0.f), HasSubstr("expected […, 6]"));
}

} // namespace
} // namespace mflux::nn
