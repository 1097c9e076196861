#include "mflux/models/z_image/transformer_config.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/models/z_image/transformer.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/published_schema.h"

namespace mflux::z_image {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TransformerConfig parse(const std::string& json) {
  return parse_transformer_config(parse_json(json), "config.json");
}

std::string rejection(const std::string& json) {
  return error_of([&] { parse(json); });
}

TEST(ZImageTransformerSchema, IsThePublishedModels) {
  const auto path = testing::fixture("z_image_transformer/schema_turbo.json");
  const Json file = read_json(path);
  const auto schema = schema_of<ZImageTransformer2DModel>(
      parse_transformer_config(file.at("config"), "config.json"));
  testing::expect_published(schema, testing::schema_in(file), path);
  EXPECT_EQ(testing::parameters_of(schema), file.at("parameters").get<int64_t>());
  EXPECT_EQ(schema, schema_of<ZImageTransformer2DModel>(TransformerConfig{}));
}

TEST(ZImageTransformerConfig, EmptyMeansTheClassesDefaults) {
  const auto config = parse("{}");
  EXPECT_EQ(config.head_dim(), 128);
  EXPECT_EQ(config.ffn_dim(), 10240);
  EXPECT_EQ(config.adaln_dim(), 256);
  EXPECT_EQ(config.patch_channels(), 64);
  EXPECT_TRUE(config.qk_norm);
}

TEST(ZImageTransformerConfig, ContradictionsAreErrors) {
  EXPECT_EQ(
      rejection(R"({"axes_dims": [32, 48, 32]})"),
      "config.json: axes_dims [32, 48, 32] add up to 112, expected dim / n_heads, 128");
  EXPECT_THAT(rejection(R"({"axes_dims": [31, 49, 48]})"), HasSubstr("has 31, expected even"));
  EXPECT_THAT(rejection(R"({"axes_dims": [64, 64]})"), HasSubstr("has 2 entries"));
  EXPECT_THAT(rejection(R"({"axes_lens": [64]})"), HasSubstr("axes_lens 1, expected 3"));
  EXPECT_THAT(rejection(R"({"dim": 3841})"), HasSubstr("expected a multiple of n_heads, 30"));
}

TEST(ZImageTransformerConfig, ValuesOutOfRangeAreErrorsByName) {
  for (const char* key : {"in_channels", "dim", "n_heads", "cap_feat_dim"}) {
    for (const char* value : {"0", "-1", "2000000000"}) {
      const auto json = std::string("{\"") + key + "\": " + value + "}";
      EXPECT_THAT(rejection(json), HasSubstr(key)) << json;
    }
  }
  EXPECT_THAT(rejection(R"({"n_layers": -1})"), HasSubstr("n_layers"));
  EXPECT_THAT(rejection(R"({"n_refiner_layers": -1})"), HasSubstr("n_refiner_layers"));
  EXPECT_THAT(rejection(R"({"norm_eps": -1})"), HasSubstr("norm_eps"));
  EXPECT_THAT(rejection(R"({"rope_theta": 0})"), HasSubstr("rope_theta"));
  EXPECT_THAT(rejection(R"({"axes_lens": [0, 512, 512]})"), HasSubstr("axes_lens"));
}

TEST(ZImageTransformerConfig, WhatIsNotImplementedIsNamed) {
  EXPECT_EQ(
      rejection(R"({"all_patch_size": [2, 4]})"),
      "config.json: all_patch_size is [2, 4], but only one is implemented");
  EXPECT_THAT(rejection(R"({"siglip_feat_dim": 1152})"), HasSubstr("Omni variant"));
  EXPECT_EQ(parse(R"({"siglip_feat_dim": null, "n_kv_heads": 30})").dim, 3840);
  EXPECT_THAT(
      rejection(R"({"_class_name": "Flux2Transformer2DModel"})"),
      HasSubstr("expected ZImageTransformer2DModel"));
}

} // namespace
} // namespace mflux::z_image
