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

TEST(Flux2VaeConfig, UnknownKeysAreWarnedAboutOnce) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  parse_vae_config(parse_json(R"({"_note": 1, "sample_size": 8, "shiny": true})"), "c.json");
  set_log_sink({});
  EXPECT_THAT(warnings, ::testing::ElementsAre("c.json: the key \"shiny\" is unknown"));
}

} // namespace
} // namespace mflux::flux2
