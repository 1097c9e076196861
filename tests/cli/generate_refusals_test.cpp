// What `mflux generate` refuses: one line, exit 2, nothing written.
#include <cmath>
#include <limits>

#include "generate_command.h"
#include "gmock/gmock.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/capture/tensors.h"
#include "mflux/image/png.h"
#include "mflux/weights/weights.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Words;

class GenerateRefuses : public testing::GenerateCommand {
 protected:
  /// The refusal of a request that is sound but for these flags.
  std::string told(Words flags, const std::string& before = "") {
    flags.insert(flags.end(), {"--prompt", "tree"});
    return refusal(flags, before);
  }

  std::string latents(const mx::array& array) {
    artifacts::write_safetensors(path("z.safetensors"), {{"z", capture::to_tensor(array)}});
    return "z.safetensors#z";
  }
};

TEST_F(GenerateRefuses, UnknownNames) {
  EXPECT_THAT(told({"--promt", "x"}), HasSubstr("did you mean --prompt?"));
  EXPECT_THAT(told({"--step", "3"}), HasSubstr("did you mean --steps?")); // no abbreviations
  EXPECT_THAT(told({"--model", "emojii"}), HasSubstr("no model \"emojii\" (did you mean emoji?)"));
  EXPECT_THAT(told({"--model", "/nope"}), HasSubstr("no model \"/nope\": expected a folder"));
  EXPECT_THAT(told({"--scheduler", "dpm"}), HasSubstr("sampled with flow-match-euler"));
  EXPECT_THAT(told({"--dtype", "float16"}), HasSubstr("choose --dtype bfloat16 or float32"));
  EXPECT_THAT(told({"--dtype", "int8"}), HasSubstr("--dtype"));
}

TEST_F(GenerateRefuses, AnUnknownWordForThePath) {
  EXPECT_EQ(
      told({}, "MFLUX_FUSED=yes"), "mflux: MFLUX_FUSED is \"yes\", expected auto, on or off\n");
}

TEST_F(GenerateRefuses, Prompts) {
  EXPECT_THAT(refusal({}), HasSubstr("expected --prompt TEXT or --prompt-file FILE"));
  EXPECT_THAT(told({"--prompt-file", "x"}), HasSubstr("--prompt excludes --prompt-file"));
  EXPECT_THAT(refusal({"--prompt-file", "none.txt"}), HasSubstr("none.txt does not exist"));
  EXPECT_THAT(refusal({"--prompt", "ab\xff"}), HasSubstr("prompt is not UTF-8: byte 2"));
  EXPECT_THAT(refusal({"--prompt-file", "-"}, "printf 'a\\377' |"), HasSubstr("not UTF-8: byte 1"));
}

TEST_F(GenerateRefuses, Sizes) {
  EXPECT_THAT(told({"--width", "0"}), HasSubstr("the width is 0 pixels, expected 16 to"));
  EXPECT_THAT(told({"--height", "15"}), HasSubstr("the height is 15 pixels"));
  EXPECT_THAT(told({"--width", "-16"}), HasSubstr("the width is -16 pixels"));
  EXPECT_THAT(told({"--width", "40000"}), HasSubstr("the width is 40000 pixels"));
  EXPECT_THAT(told({"--width", "99999999999"}), HasSubstr("--width"));
  EXPECT_THAT(told({"--width", "12.5"}), HasSubstr("--width"));
  EXPECT_THAT(told({"--width", "8192", "--height", "8192"}, "ulimit -v 4000000;"), HasSubstr("GB"));
}

TEST_F(GenerateRefuses, Sampling) {
  EXPECT_THAT(told({"--steps", "0"}), HasSubstr("0 steps were asked for, expected 1 to"));
  EXPECT_THAT(told({"--guidance", "3.5"}), HasSubstr("is a distilled model"));
  EXPECT_THAT(told({"--negative-prompt", "x"}), HasSubstr("is a distilled model"));
  EXPECT_THAT(told({"--sigmas", "0.5,0.7"}), HasSubstr("descend from at most 1"));
  EXPECT_THAT(told({"--sigmas", "1.5,0.7"}), HasSubstr("above 0 and at most 1"));
  EXPECT_THAT(told({"--sigmas", "1,0"}), HasSubstr("above 0 and at most 1"));
  EXPECT_THAT(told({"--sigmas", "1,0.5", "--steps", "3"}), HasSubstr("3 steps and 2 sigmas"));
  EXPECT_THAT(told({"--seed", "x"}), HasSubstr("0 to 2^64 - 1"));
  EXPECT_THAT(told({"--seed", "1", "--auto-seeds", "2"}), HasSubstr("excludes"));
  EXPECT_THAT(told({"--max-sequence-length", "0"}), HasSubstr("sequence length is 0"));
}

TEST_F(GenerateRefuses, Pictures) {
  EXPECT_THAT(told({"--reference", "none.png"}), HasSubstr("none.png does not exist"));
  write_file(path("text.png"), "hello");
  EXPECT_THAT(told({"--reference", "text.png"}), HasSubstr("expected a PNG or JPEG"));
  write_png(path("small.png"), Image{8, 8, std::vector<uint8_t>(192)});
  EXPECT_THAT(told({"--reference", "small.png"}), HasSubstr("8"));
  EXPECT_THAT(told({"--image", "small.png:1.5"}), HasSubstr("a number from 0 to 1"));
  write_png(path("good.png"), Image{64, 64, std::vector<uint8_t>(64 * 64 * 3)});
  EXPECT_THAT(told({"--image", "good.png:0"}), HasSubstr("strength of 0 leaves no step"));
}

TEST_F(GenerateRefuses, Noise) {
  EXPECT_THAT(told({"--latents", "none"}), HasSubstr("none does not exist"));
  EXPECT_THAT(
      told({"--latents", latents(mx::zeros({1, 128, 4, 8}))}),
      HasSubstr("the latents are [1, 128, 4, 8], expected floating-point numbers [1, 128, 8, 8]"));
  EXPECT_THAT(
      told({"--latents", latents(mx::zeros({1, 128, 8, 8}, mx::int32))}), HasSubstr("floating"));
  EXPECT_THAT(
      told({"--latents", latents(mx::full({1, 128, 8, 8}, NAN))}),
      HasSubstr("z.safetensors: z: holds NaN or infinity"));
  EXPECT_THAT(told({"--latents", "z.safetensors#y"}), HasSubstr("has no y"));
  EXPECT_THAT(told({"--latents", "z.safetensors#z", "--seed", "1"}), HasSubstr("excludes"));
}

TEST_F(GenerateRefuses, PlacesThatCannotBeWritten) {
  EXPECT_THAT(told({"--output", "no/x.png"}), HasSubstr("its folder does not exist"));
  EXPECT_THAT(told({"--output", "x.jpg"}), HasSubstr("expected a .png file"));
  fs::create_directory(path("folder.png"));
  EXPECT_THAT(told({"--output", "folder.png"}), HasSubstr("is a folder"));
  EXPECT_THAT(told({"--output", "/proc/x.png"}), HasSubstr("cannot write /proc/x.png"));
  EXPECT_THAT(told({"--capture", "/proc/x"}), HasSubstr("--capture /proc/x"));
  EXPECT_THAT(told({"--stepwise-image-output-dir", "/proc/x"}), HasSubstr("-dir /proc/x"));
  // Blocks of 512 bytes: less than a picture may take.
  EXPECT_THAT(told({}, "ulimit -f 8;"), HasSubstr("cannot write tree.png: File too large"));
  EXPECT_THAT(told({"--capture", "x", "--seed", "1", "2"}), HasSubstr("one --seed"));
}

TEST_F(GenerateRefuses, OtherModels) {
  const auto model = copy_of_model();
  const auto with = [&](const std::string& file, const std::string& text) {
    fs::remove(model / file);
    write_file(model / file, text);
    return told({"--model", model});
  };
  fs::remove(model / "transformer/diffusion_pytorch_model.safetensors");
  EXPECT_THAT(told({"--model", model}), AllOf(HasSubstr("/transformer"), HasSubstr("safetensors")));
  EXPECT_THAT(
      with("transformer/diffusion_pytorch_model.safetensors", "{}"),
      HasSubstr("transformer/diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(
      with("model_index.json", R"({"_class_name": "StableDiffusionPipeline"})"),
      AllOf(HasSubstr("model_index.json"), HasSubstr("StableDiffusionPipeline")));
  fs::remove(model / "model_index.json");
  EXPECT_THAT(told({"--model", model}), HasSubstr("holds no model_index.json"));
}

} // namespace
} // namespace mflux
