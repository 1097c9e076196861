#include "mflux/models/flux2/transformer_config.h"

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

TransformerConfig parse(const std::string& json) {
  return parse_transformer_config(parse_json(json), "config.json");
}

std::string rejection(const std::string& json) {
  return error_of([&] { parse(json); });
}

TEST(Flux2TransformerConfig, EmptyMeansTheClassesDefaults) {
  const auto config = parse("{}");
  EXPECT_EQ(config.dim(), 6144);
  EXPECT_EQ(config.mlp_dim(), 18432);
  EXPECT_EQ(config.proj_channels(), 128);
  EXPECT_EQ(config.num_layers, 8);
  EXPECT_EQ(config.num_single_layers, 48);
  EXPECT_EQ(config.joint_attention_dim, 15360);
  EXPECT_TRUE(config.guidance_embeds);
}

TEST(Flux2TransformerConfig, OutChannelsAreInChannelsUnlessGiven) {
  EXPECT_EQ(parse(R"({"in_channels": 6})").out_channels, 6);
  EXPECT_EQ(parse(R"({"in_channels": 6, "out_channels": null})").out_channels, 6);
  EXPECT_EQ(parse(R"({"in_channels": 6, "out_channels": 5, "patch_size": 2})").proj_channels(), 20);
}

TEST(Flux2TransformerConfig, FeedForwardWidthIsRoundedDown) {
  const std::string heads = R"("num_attention_heads": 1, "attention_head_dim": 14)";
  EXPECT_EQ(parse("{" + heads + R"(, "axes_dims_rope": [14], "mlp_ratio": 2.45})").mlp_dim(), 34);
}

TEST(Flux2TransformerConfig, ContradictionsAreErrors) {
  EXPECT_EQ(
      rejection(R"({"axes_dims_rope": [32, 32, 32]})"),
      "config.json: axes_dims_rope [32, 32, 32] add up to 96, expected attention_head_dim, 128");
  EXPECT_THAT(rejection(R"({"axes_dims_rope": [31, 33, 32, 32]})"), HasSubstr("has 31, expected"));
  EXPECT_THAT(rejection(R"({"axes_dims_rope": [-32, 160]})"), HasSubstr("has -32, expected"));
  EXPECT_THAT(rejection(R"({"axes_dims_rope": []})"), HasSubstr("0 entries"));
}

TEST(Flux2TransformerConfig, ValuesOutOfRangeAreErrorsByName) {
  for (const char* key :
       {"patch_size",
        "in_channels",
        "out_channels",
        "attention_head_dim",
        "num_attention_heads",
        "joint_attention_dim",
        "timestep_guidance_channels",
        "mlp_ratio",
        "rope_theta"}) {
    EXPECT_THAT(
        rejection("{\"" + std::string(key) + "\": 0}"), HasSubstr(key + std::string(" is")));
    EXPECT_THAT(
        rejection("{\"" + std::string(key) + "\": -1}"), HasSubstr(key + std::string(" is")));
  }
  for (const char* key : {"num_layers", "num_single_layers", "eps"}) {
    EXPECT_NO_THROW(parse("{\"" + std::string(key) + "\": 0}"));
    EXPECT_THAT(
        rejection("{\"" + std::string(key) + "\": -1}"), HasSubstr(key + std::string(" is")));
  }
  EXPECT_THAT(rejection(R"({"num_layers": 2.5})"), HasSubstr("num_layers"));
  EXPECT_THAT(rejection(R"({"guidance_embeds": 1})"), HasSubstr("guidance_embeds"));
  EXPECT_THAT(rejection(R"({"mlp_ratio": 1e300})"), HasSubstr("mlp_ratio 1e+300 is more than"));
}

TEST(Flux2TransformerConfig, AnotherModelsConfigIsRefused) {
  EXPECT_EQ(
      rejection(R"({"_class_name": "FluxTransformer2DModel"})"),
      "config.json: this is the config of a FluxTransformer2DModel, expected "
      "Flux2Transformer2DModel");
}

TEST(Flux2TransformerConfig, UnknownKeysAreOneWarning) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  parse(R"({"_note": 1, "in_channels": 8, "shiny": true, "new": 2})");
  set_log_sink({});
  EXPECT_THAT(
      warnings, ::testing::ElementsAre("config.json: the keys \"shiny\", \"new\" are unknown"));
}

} // namespace
} // namespace mflux::flux2
