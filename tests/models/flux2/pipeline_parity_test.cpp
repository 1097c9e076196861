// Whole runs of a tiny pipeline against dumps of Flux2KleinPipeline, every pipeline checkpoint.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/image/read_image.h"
#include "mflux/models/registry.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::flux2 {
namespace {

using pipelines::Request;
using testing::fixture;

class KleinRun : public ::testing::Test {
 protected:
  /// Captures what the reference's dump has, draws, and compares all of it.
  void expect_parity(const std::string& name, Request request) {
    const auto reference = fixture("klein") / name;
    request.latents = to_array(capture::Inputs(reference).require({"latents_initial"}));
    std::vector<std::string> names;
    for (const auto& checkpoint : testing::read_dump(reference)) {
      names.push_back(checkpoint.name);
    }
    capture::Recorder recorder(output / "mlx", {}, {.globs = names});
    const auto image = pipeline->generate(request, {.observer = &recorder});
    recorder.finish();
    testing::expect_parity(output / "mlx", reference);
    expect_one_level(image, read_image(reference / "image.png"));
  }

  static void expect_one_level(const Image& got, const Image& want) {
    ASSERT_EQ(got.rgb.size(), want.rgb.size());
    ASSERT_EQ(got.width, want.width);
    for (size_t i = 0; i < got.rgb.size(); ++i) {
      ASSERT_NEAR(got.rgb[i], want.rgb[i], 1) << "at byte " << i;
    }
  }

  std::vector<Image> references() const {
    return {
        read_image(fixture("klein") / "reference_1.png"),
        read_image(fixture("klein") / "reference_2.png")};
  }

  testing::TemporaryFolder output;
  std::unique_ptr<pipelines::Pipeline> pipeline =
      models::open_pipeline(fixture("klein") / "model", mx::float32);
};

TEST_F(KleinRun, TextToImage) {
  expect_parity(
      "text_to_image",
      {.prompt = "A red apple, 3 naïve 猫", .width = 72, .height = 40, .steps = 3, .guidance = 1});
}

TEST_F(KleinRun, GuidedByTheEmptyPrompt) {
  expect_parity(
      "guided", {.prompt = "A pear", .width = 48, .height = 32, .steps = 2, .guidance = 3});
}

TEST_F(KleinRun, GuidedEditWithTwoReferencesAndSigmas) {
  expect_parity(
      "edit",
      {.prompt = "make it blue",
       .negative_prompt = "grey",
       .guidance = 2.5,
       .sigmas = {1, 0.7, 0.3},
       .references = references()});
}

TEST_F(KleinRun, StagesAreToldAndStopped) {
  std::vector<pipelines::Stage> stages;
  pipelines::Callbacks callbacks{
      .progress = [&](const auto& progress) { stages.push_back(progress.stage); }};
  const Request request{.prompt = "x", .steps = 2};
  pipeline->generate(request, callbacks);
  using pipelines::Stage;
  EXPECT_EQ(stages, (std::vector{Stage::encode, Stage::denoise, Stage::denoise, Stage::decode}));
  stages.clear();
  callbacks.is_cancelled = [&] { return stages.size() == 2; };
  EXPECT_THROW(pipeline->generate(request, callbacks), pipelines::Cancelled);
  EXPECT_EQ(stages, (std::vector{Stage::encode, Stage::denoise}));
}

TEST_F(KleinRun, ASeedGivesTheSamePictureAgain) {
  const Request seven{.prompt = "x", .steps = 2, .seed = 7},
      eight{.prompt = "x", .steps = 2, .seed = 8};
  const auto first = pipeline->generate(seven, {});
  EXPECT_NE(first.rgb, pipeline->generate(eight, {}).rgb);
  EXPECT_EQ(first.rgb, pipeline->generate(seven, {}).rgb); // by the prompt's kept embeddings
  EXPECT_NE(first.rgb, pipeline->generate({.prompt = "y", .steps = 2, .seed = 7}, {}).rgb);
  const auto fresh = models::open_pipeline(fixture("klein") / "model", mx::float32);
  EXPECT_EQ(first.rgb, fresh->generate(seven, {}).rgb);
}

TEST_F(KleinRun, AFullStrengthIgnoresThePicture) {
  const Image grey{.width = 48, .height = 32, .rgb = std::vector<uint8_t>(48 * 32 * 3, 99)};
  const Request plain{.prompt = "x", .steps = 3};
  Request started = plain;
  started.start = pipelines::ImageStart{grey, 1};
  EXPECT_EQ(pipeline->generate(plain, {}).rgb, pipeline->generate(started, {}).rgb);
  started.start->strength = 0.6;
  EXPECT_NE(pipeline->generate(plain, {}).rgb, pipeline->generate(started, {}).rgb);
}

TEST_F(KleinRun, AFreedTextEncoderIsReadAgain) {
  constexpr double kTextEncoder = 30'000; // bytes as bfloat16, which the file is not: copies
  const auto run = models::open_pipeline(fixture("klein") / "model", mx::bfloat16);
  Request request{.prompt = "x", .steps = 1};
  const auto kept = run->generate(request, {});
  const auto planned = run->plan(request).bytes;
  const auto held = static_cast<double>(mx::get_active_memory());
  request.frees_text_encoder = true;
  EXPECT_LE(run->plan(request).bytes, planned - kTextEncoder);
  const auto freed = run->generate(request, {});
  EXPECT_LE(static_cast<double>(mx::get_active_memory()), held - kTextEncoder);
  EXPECT_EQ(kept.rgb, freed.rgb);
  request.prompt = "y";
  EXPECT_NE(run->generate(request, {}).rgb, kept.rgb);
}

TEST_F(KleinRun, PreviewsAreNoCheckpoints) {
  const Request request{.prompt = "x", .steps = 2};
  capture::Recorder recorder(output / "mlx", {}, {.globs = {"decoded*"}});
  std::vector<int> steps;
  const auto image = pipeline->generate(
      request,
      {.preview =
           [&](int step, const Image& shown) {
             steps.push_back(step);
             EXPECT_EQ(shown.width, 48);
           },
       .observer = &recorder});
  recorder.finish();
  EXPECT_EQ(steps, (std::vector<int>{1, 2}));
  EXPECT_EQ(recorder.checkpoints(), 1u);
}

} // namespace
} // namespace mflux::flux2
