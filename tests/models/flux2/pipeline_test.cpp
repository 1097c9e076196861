// What a klein pipeline plans and refuses, on the demo model and on a tiny one.
#include "mflux/models/flux2/pipeline.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/models/registry.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::flux2 {
namespace {

using pipelines::Request;
using ::testing::ElementsAre;
using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

Image grey(int width, int height) {
  return {
      .width = width,
      .height = height,
      .rgb = std::vector<uint8_t>(size_t{3} * width * height, 128)};
}

/// tests/fixtures/klein/model is a base model of 8 pixels a token; its copy here may be spoilt.
class KleinPipeline : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(
        fixture("klein") / "model", folder / "m", std::filesystem::copy_options::recursive);
  }

  void replace(const std::string& file, const std::string& from, const std::string& to) {
    const auto path = folder / "m" / file;
    std::ifstream in(path);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    std::ofstream(path) << text.replace(at, from.size(), to);
  }

  std::string opening() const {
    return error_of([&] { models::open_pipeline(folder / "m", mx::float32); });
  }

  pipelines::Plan plan(const Request& request) const {
    return models::open_pipeline(folder / "m", mx::float32)->plan(request);
  }

  std::string planning(const Request& request) const {
    return error_of([&] { plan(request); });
  }

  testing::TemporaryFolder folder;
};

TEST_F(KleinPipeline, DefaultsAreTheModelsOwn) {
  const auto made = plan({.prompt = "x"});
  EXPECT_EQ(made.width, 48);
  EXPECT_EQ(made.height, 32);
  EXPECT_EQ(made.steps, 3);
  EXPECT_EQ(made.guidance, 2.5);
  EXPECT_TRUE(made.is_guided);
  EXPECT_EQ(made.max_sequence_length, 40);
  EXPECT_EQ(made.sigmas.size(), 4u);
  EXPECT_GT(made.bytes, 400e3);
  EXPECT_THAT(made.remarks, ElementsAre());
}

TEST_F(KleinPipeline, WithoutCallJsonDefaultsArePublishedKleins) {
  const auto base = read_call_defaults(folder.path(), false);
  EXPECT_EQ(base.steps, 50);
  EXPECT_EQ(base.guidance, 4);
  const auto distilled = read_call_defaults(folder.path(), true);
  EXPECT_EQ(distilled.steps, 4);
  EXPECT_EQ(distilled.guidance, 1);
  EXPECT_EQ(distilled.width, 1024);
  EXPECT_EQ(distilled.max_sequence_length, 512);
  EXPECT_THAT(distilled.text_encoder_out_layers, ElementsAre(9, 18, 27));
}

TEST_F(KleinPipeline, SizesAreRoundedDownToWholeTokens) {
  const auto made = plan({.prompt = "x", .width = 71, .height = 8});
  EXPECT_EQ(made.width, 64);
  EXPECT_EQ(made.height, 8);
  EXPECT_THAT(made.remarks, ElementsAre(HasSubstr("width 71 was rounded down to 64")));
  EXPECT_THAT(planning({.width = 7}), HasSubstr("width is 7 pixels, expected 8"));
  EXPECT_THAT(planning({.height = 0}), HasSubstr("height is 0"));
  EXPECT_THAT(planning({.height = -64}), HasSubstr("height is -64"));
  EXPECT_THAT(planning({.width = 1 << 20}), HasSubstr("expected 8 to 32768"));
}

TEST_F(KleinPipeline, StepsAndSigmasMustMakeSense) {
  EXPECT_THAT(planning({.steps = 0}), HasSubstr("0 steps"));
  EXPECT_THAT(planning({.steps = 3, .sigmas = {1, 0.5}}), HasSubstr("3 steps and 2 sigmas"));
  EXPECT_THAT(planning({.sigmas = {1, 2}}), HasSubstr("a sigma is 2"));
  EXPECT_EQ(plan({.sigmas = {1, 0.5}}).steps, 2);
}

TEST_F(KleinPipeline, APromptThatIsTooLongIsSaid) {
  std::string prompt;
  for (int i = 0; i < 100; ++i) {
    prompt += "apple ";
  }
  EXPECT_THAT(plan({.prompt = prompt}).remarks, ElementsAre(HasSubstr("tokens more than the 40")));
}

TEST_F(KleinPipeline, LengthsBeyondTheTextEncodersPositionsAreRefused) {
  EXPECT_EQ(plan({.max_sequence_length = 512}).max_sequence_length, 512);
  EXPECT_THAT(planning({.max_sequence_length = 513}), HasSubstr("length is 513, expected at most"));
  EXPECT_THAT(planning({.max_sequence_length = 0}), HasSubstr("length is 0"));
}

TEST_F(KleinPipeline, GuidanceIsForBaseModels) {
  EXPECT_FALSE(plan({.guidance = 1}).is_guided);
  EXPECT_THAT(planning({.negative_prompt = "y", .guidance = 1}), HasSubstr("must be above 1"));
  EXPECT_THAT(planning({.guidance = -1}), HasSubstr("guidance is -1"));
  replace("model_index.json", "\"is_distilled\": false", "\"is_distilled\": true");
  EXPECT_THAT(planning({.guidance = 2}), HasSubstr("distilled"));
  EXPECT_THAT(planning({.negative_prompt = "y"}), HasSubstr("distilled"));
  EXPECT_FALSE(plan({.guidance = 1}).is_guided);
}

TEST_F(KleinPipeline, ReferencesGiveTheSizeAndAreChecked) {
  const auto made = plan({.references = {grey(77, 100), grey(64, 64)}});
  EXPECT_EQ(made.width, 72);
  EXPECT_EQ(made.height, 96);
  EXPECT_EQ(plan({.width = 16, .references = {grey(77, 100)}}).height, 96);
  EXPECT_THAT(
      planning({.references = {grey(64, 64), grey(63, 90)}}),
      HasSubstr("reference picture 2 is 63 × 90 pixels, expected sides of at least 64"));
  EXPECT_THAT(planning({.references = {grey(64, 513)}}), HasSubstr("8 times"));
  EXPECT_EQ(plan({.references = {grey(64, 512)}}).height, 512);
}

// 1600 × 1203 → int(1180.9) × int(887.9), then down to whole tokens.
TEST_F(KleinPipeline, ReferencesBeyondAMegapixelAreMadeSmaller) {
  const auto made = plan({.references = {grey(1600, 1203)}});
  EXPECT_EQ(made.width, 1176);
  EXPECT_EQ(made.height, 880);
  EXPECT_EQ(plan({.references = {grey(1024, 1024)}}).width, 1024);
}

TEST_F(KleinPipeline, ImageToImageTakesThePicturesSizeAndLeavesOutSteps) {
  const auto start = [](double strength) {
    return Request{.steps = 4, .start = pipelines::ImageStart{grey(41, 30), strength}};
  };
  const auto made = plan(start(0.6));
  EXPECT_EQ(made.width, 40);
  EXPECT_EQ(made.height, 24);
  EXPECT_EQ(made.steps, 4);
  EXPECT_EQ(made.sigmas.size(), 4u); // three steps
  EXPECT_EQ(plan(start(1)).sigmas.size(), 5u);
  EXPECT_THAT(planning(start(0)), HasSubstr("no step"));
  EXPECT_THAT(planning(start(1.5)), HasSubstr("strength is 1.5"));
  auto both = start(0.5);
  both.references = {grey(64, 64)};
  EXPECT_THAT(planning(both), HasSubstr("one or the other"));
}

TEST_F(KleinPipeline, LatentsMustBeThePicturesShape) {
  const auto message = planning({.latents = mx::zeros({1, 16, 4, 5})});
  EXPECT_THAT(message, HasSubstr("the latents are [1, 16, 4, 5]"));
  EXPECT_THAT(message, HasSubstr("[1, 16, 4, 6] for 48 × 32 pixels"));
  EXPECT_THAT(planning({.latents = mx::zeros({1, 16, 4, 6}, mx::int32)}), HasSubstr("floating"));
  plan({.latents = mx::zeros({1, 16, 4, 6})});
  const auto pipeline = models::open_pipeline(folder / "m", mx::float32);
  const Request spoilt{.latents = mx::full({1, 16, 4, 6}, std::nanf(""))};
  EXPECT_THAT(
      error_of([&] { pipeline->generate(spoilt, {}); }), HasSubstr("latents_initial holds NaN"));
}

TEST_F(KleinPipeline, AWeightThatIsNotANumberIsNamed) {
  const auto path = folder / "m" / "transformer" / "diffusion_pytorch_model.safetensors";
  const auto artifact = artifacts::open_artifact(path);
  std::vector<artifacts::NamedTensor> tensors;
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    tensors.push_back({artifact->tensors()[i].name, artifact->load(i).contiguous()});
    if (tensors.back().name == "proj_out.weight") {
      const artifacts::Shape shape = tensors.back().tensor.shape;
      const std::vector<std::byte> ones(tensors.back().tensor.byte_count(), std::byte{0xff});
      tensors.back().tensor = artifacts::make_tensor(tensors.back().tensor.dtype, shape, ones);
    }
  }
  artifacts::write_safetensors(path, tensors);
  const auto message = error_of(
      [&] { models::open_pipeline(folder / "m", mx::float32)->generate({.prompt = "x"}, {}); });
  EXPECT_THAT(message, HasSubstr("noise_pred@step=1 holds NaN or infinity; "));
  EXPECT_THAT(
      message, HasSubstr("transformer/diffusion_pytorch_model.safetensors: proj_out.weight"));
}

TEST_F(KleinPipeline, HugePicturesAreRefusedBeforeAnythingIsComputed) {
  EXPECT_THAT(planning({.width = 32768, .height = 32768}), HasSubstr("GB"));
}

TEST_F(KleinPipeline, AnotherPipelinesFolderIsNamed) {
  replace("model_index.json", "Flux2KleinPipeline", "ZImagePipeline");
  EXPECT_THAT(opening(), HasSubstr("this is a ZImagePipeline"));
}

TEST_F(KleinPipeline, OtherComponentsAreNamed) {
  replace("model_index.json", "\"AutoencoderKLFlux2\"", "\"AutoencoderKL\"");
  EXPECT_THAT(opening(), HasSubstr("the vae is [diffusers, AutoencoderKL]"));
}

TEST_F(KleinPipeline, ComponentsMustFitEachOther) {
  replace("call.json", "[1, 3]", "[1]");
  EXPECT_THAT(opening(), HasSubstr("joint_attention_dim is 32"));
}

TEST_F(KleinPipeline, UnknownKeysOfCallJsonAreRefused) {
  replace("call.json", "\"height\"", "\"hight\"");
  EXPECT_THAT(opening(), HasSubstr("unknown keys hight"));
}

TEST_F(KleinPipeline, MissingFilesAreNamed) {
  std::filesystem::remove(folder / "m" / "vae" / "diffusion_pytorch_model.safetensors");
  EXPECT_THAT(opening(), HasSubstr("holds no weights"));
  std::filesystem::remove(folder / "m" / "model_index.json");
  EXPECT_THAT(opening(), HasSubstr("holds no model_index.json"));
}

} // namespace
} // namespace mflux::flux2
