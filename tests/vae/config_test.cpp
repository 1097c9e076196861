#include "mflux/vae/flux2/config.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/log.h"
#include "support/expect_error.h"

namespace mflux::flux2 {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

std::string rejection(const std::string& json) {
  return error_of([&] { parse_vae_config(parse_json(json), "vae/config.json"); });
}

TEST(Flux2VaeConfig, EmptyMeansTheDefaults) {
  const auto config = parse_vae_config(parse_json("{}"), "config.json");
  EXPECT_EQ(config.block_out_channels, (std::vector{128, 256, 512, 512}));
  EXPECT_EQ(config.scale(), 8);
  EXPECT_EQ(config.decoder().block_out_channels, config.block_out_channels);
  EXPECT_EQ(config.encoder().out_channels, 64);
}

TEST(Flux2VaeConfig, DecoderMayBeSmaller) {
  const auto config = parse_vae_config(
      parse_json(R"({"decoder_block_out_channels": [96, 192, 384, 384]})"), "config.json");
  EXPECT_EQ(config.decoder().block_out_channels, (std::vector{96, 192, 384, 384}));
  EXPECT_EQ(config.encoder().block_out_channels, (std::vector{128, 256, 512, 512}));
}

TEST(Flux2VaeConfig, UnimplementedValuesAreErrors) {
  EXPECT_EQ(
      rejection(R"({"act_fn": "gelu"})"),
      "vae/config.json: act_fn is \"gelu\", but only \"silu\" is implemented");
  EXPECT_THAT(rejection(R"({"patch_size": [1, 1]})"), HasSubstr("patch_size"));
  EXPECT_THAT(
      rejection(R"({"up_block_types": ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"]})"),
      HasSubstr("AttnUpDecoderBlock2D"));
  EXPECT_THAT(
      rejection(R"({"_class_name": "AutoencoderKL"})"), HasSubstr("the config of a AutoencoderKL"));
}

TEST(Flux2VaeConfig, ContradictionsAreErrors) {
  EXPECT_THAT(
      rejection(R"({"block_out_channels": [32, 48, 64, 64]})"),
      HasSubstr("block_out_channels has 48, which norm_num_groups 32 does not divide"));
  EXPECT_THAT(rejection(R"({"block_out_channels": [32, 32]})"), HasSubstr("must agree"));
  EXPECT_THAT(rejection(R"({"decoder_block_out_channels": [32]})"), HasSubstr("must agree"));
  EXPECT_THAT(rejection(R"({"block_out_channels": []})"), HasSubstr("0 entries"));
  EXPECT_THAT(rejection(R"({"norm_num_groups": 0})"), HasSubstr("norm_num_groups is 0"));
  EXPECT_THAT(rejection(R"({"latent_channels": -1})"), HasSubstr("latent_channels is -1"));
  EXPECT_THAT(rejection(R"({"layers_per_block": 2.5})"), HasSubstr("layers_per_block"));
  EXPECT_THAT(rejection(R"({"batch_norm_eps": -1})"), HasSubstr("batch_norm_eps"));
  EXPECT_THAT(rejection(R"([1])"), HasSubstr("expected a JSON object"));
}

std::vector<std::string> warnings_of(const std::string& json) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  try {
    parse_vae_config(parse_json(json), "c.json");
  } catch (const Error&) {
    warnings.emplace_back("refused");
  }
  set_log_sink({});
  return warnings;
}

TEST(Flux2VaeConfig, UnknownKeysAreWarnedAboutOnce) {
  using ::testing::ElementsAre;
  EXPECT_THAT(
      warnings_of(R"({"_note": 1, "sample_size": 8, "shiny": true})"),
      ElementsAre("c.json: the key \"shiny\" is unknown"));
  EXPECT_THAT(
      warnings_of(R"({"sample_size": 8, "shiny": true, ")" + std::string(59, 'x') + R"(äxx": 1})"),
      ElementsAre("c.json: the keys \"shiny\", \"" + std::string(59, 'x') + "…\" are unknown"));
}

TEST(Flux2VaeConfig, AnotherModelsConfigIsRefusedWithoutWarnings) {
  const std::string text_encoder =
      R"({"architectures": ["Qwen3ForCausalLM"], "hidden_size": 8, "vocab_size": 9})";
  EXPECT_EQ(
      rejection(text_encoder),
      "vae/config.json: this is the config of a Qwen3ForCausalLM, expected AutoencoderKLFlux2");
  EXPECT_THAT(warnings_of(text_encoder), ::testing::ElementsAre("refused"));
  const std::string nothing_known = R"({"hidden_size": 8, "vocab_size": 9})";
  EXPECT_EQ(
      rejection(nothing_known),
      "vae/config.json: none of its keys is one of an AutoencoderKLFlux2's");
  EXPECT_THAT(warnings_of(nothing_known), ::testing::ElementsAre("refused"));
}

} // namespace
} // namespace mflux::flux2
