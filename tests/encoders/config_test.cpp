#include "mflux/encoders/qwen3/config.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/log.h"
#include "support/expect_error.h"

namespace mflux::qwen3 {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

Qwen3Config parse(const std::string& json) {
  return parse_qwen3_config(parse_json(json), "text_encoder/config.json");
}

std::string rejection(const std::string& json) {
  return error_of([&] { parse(json); });
}

// transformers' Qwen3Config() has these.
TEST(Qwen3Config, EmptyMeansTheClasssDefaults) {
  const auto config = parse("{}");
  EXPECT_EQ(config.hidden_size, 4096);
  EXPECT_EQ(config.num_key_value_heads, 32);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.rope_theta, 10000);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_TRUE(config.has_lm_head);
}

TEST(Qwen3Config, BothSpellingsOfTheta) {
  EXPECT_EQ(parse(R"({"rope_theta": 500000})").rope_theta, 500000);
  EXPECT_EQ(parse(R"({"rope_theta": 7.5, "rope_scaling": null})").rope_theta, 7.5);
  EXPECT_EQ(parse(R"({"rope_parameters": {"rope_theta": 33}})").rope_theta, 33);
  EXPECT_EQ(
      parse(R"({"rope_theta": 5, "rope_parameters": {"rope_type": "default", "rope_theta": 33}})")
          .rope_theta,
      33);
  EXPECT_EQ(parse(R"({"rope_theta": 5, "rope_scaling": {"type": "default"}})").rope_theta, 5);
}

TEST(Qwen3Config, OneHeadPerKeyWhereItIsNull) {
  const auto config = parse(R"({"num_attention_heads": 6, "num_key_value_heads": null})");
  EXPECT_EQ(config.num_key_value_heads, 6);
}

TEST(Qwen3Config, UnimplementedValuesAreErrors) {
  EXPECT_EQ(
      rejection(R"({"hidden_act": "gelu"})"),
      "text_encoder/config.json: hidden_act is \"gelu\", but only \"silu\" is implemented");
  EXPECT_THAT(
      rejection(R"({"rope_scaling": {"type": "yarn", "factor": 4.0}})"),
      HasSubstr("rope_scaling.rope_type is \"yarn\""));
  EXPECT_THAT(
      rejection(R"({"rope_parameters": {"rope_type": "linear", "factor": 2}})"),
      HasSubstr("rope_parameters.rope_type is \"linear\""));
  EXPECT_THAT(rejection(R"({"rope_scaling": 2})"), HasSubstr("rope_scaling is no object"));
  EXPECT_THAT(
      rejection(R"({"use_sliding_window": true, "max_window_layers": 28})"),
      HasSubstr("a window of 4096 from layer 28 on"));
  EXPECT_THAT(
      rejection(
          R"({"num_hidden_layers": 2, "layer_types": ["full_attention", "sliding_attention"]})"),
      HasSubstr("layer_types is \"sliding_attention\""));
  EXPECT_THAT(rejection(R"({"model_type": "qwen2"})"), HasSubstr("model_type is \"qwen2\""));
}

// A window that begins behind the last layer is none.
TEST(Qwen3Config, WindowsOfNoLayerAreFine) {
  EXPECT_EQ(
      parse(R"({"use_sliding_window": true, "max_window_layers": 32, "sliding_window": 128})")
          .num_hidden_layers,
      32);
  EXPECT_EQ(
      parse(R"({"use_sliding_window": false, "max_window_layers": 1, "sliding_window": 128})")
          .num_hidden_layers,
      32);
}

TEST(Qwen3Config, ContradictionsAreErrors) {
  EXPECT_THAT(
      rejection(R"({"num_attention_heads": 5, "num_key_value_heads": 2})"),
      HasSubstr("num_key_value_heads 2 does not divide num_attention_heads 5"));
  EXPECT_THAT(rejection(R"({"head_dim": 7})"), HasSubstr("head_dim is 7, expected an even number"));
  EXPECT_THAT(rejection(R"({"layer_types": ["full_attention"]})"), HasSubstr("1 entries"));
  EXPECT_THAT(rejection(R"({"num_hidden_layers": 0})"), HasSubstr("num_hidden_layers is 0"));
  EXPECT_THAT(rejection(R"({"num_key_value_heads": 0})"), HasSubstr("num_key_value_heads is 0"));
  EXPECT_THAT(rejection(R"({"vocab_size": -4})"), HasSubstr("vocab_size is -4"));
  EXPECT_THAT(rejection(R"({"rms_norm_eps": -1})"), HasSubstr("rms_norm_eps"));
  EXPECT_THAT(rejection(R"({"rope_theta": 0})"), HasSubstr("rope_theta is 0"));
  EXPECT_THAT(rejection(R"({"hidden_size": "wide"})"), HasSubstr("hidden_size"));
}

std::vector<std::string> warnings_of(const std::string& json) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  try {
    parse(json);
  } catch (const Error&) {
    warnings.emplace_back("refused");
  }
  set_log_sink({});
  return warnings;
}

TEST(Qwen3Config, UnknownKeysAreWarnedAboutOnce) {
  using ::testing::ElementsAre;
  EXPECT_THAT(
      warnings_of(R"({"vocab_size": 8, "torch_dtype": "bfloat16", "dtype": null, "shiny": true})"),
      ElementsAre("text_encoder/config.json: the key \"shiny\" is unknown"));
  EXPECT_THAT(
      warnings_of(R"({"rope_parameters": {"rope_theta": 5, "partial_rotary_factor": 0.5}})"),
      ElementsAre("text_encoder/config.json: rope_parameters: the key \"partial_rotary_factor\" is "
                  "unknown"));
}

TEST(Qwen3Config, AnotherModelsConfigIsRefused) {
  EXPECT_EQ(
      rejection(R"({"architectures": ["Qwen2ForCausalLM"], "hidden_size": 8})"),
      "text_encoder/config.json: this is the config of a Qwen2ForCausalLM, expected "
      "Qwen3ForCausalLM or Qwen3Model");
  EXPECT_THAT(
      rejection(R"({"_class_name": "AutoencoderKLFlux2"})"), HasSubstr("a AutoencoderKLFlux2"));
}

} // namespace
} // namespace mflux::qwen3
