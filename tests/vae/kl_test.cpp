#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/vae/kl/autoencoder.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/published_schema.h"

namespace mflux::kl {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(KlVaeSchema, IsThePublishedModels) {
  const auto path = testing::fixture("vae/z_image_schema.json");
  const Json file = read_json(path);
  Schema expected;
  for (const auto& [name, tensor] : file.at("tensors").items()) {
    const auto shape = tensor.at("shape").get<std::vector<int>>();
    expected.emplace(name, mx::Shape(shape.begin(), shape.end()));
  }
  testing::expect_published(
      schema_of<AutoencoderKL>(parse_vae_config(file.at("config"), "config")), expected, path);
}

TEST(KlVaeConfig, EmptyMeansTheClassesDefaults) {
  const auto config = parse_vae_config(parse_json("{}"), "config.json");
  EXPECT_EQ(config.block_out_channels, std::vector{64});
  EXPECT_EQ(config.scale(), 1);
  EXPECT_EQ(config.encoder().out_channels, 8);
  EXPECT_EQ(config.decoder().in_channels, 4);
}

TEST(KlVaeConfig, WrongValuesAreErrors) {
  const auto rejection = [](const std::string& json) {
    return error_of([&] { parse_vae_config(parse_json(json), "vae/config.json"); });
  };
  EXPECT_EQ(
      rejection(R"({"act_fn": "gelu"})"),
      "vae/config.json: act_fn is \"gelu\", but only \"silu\" is implemented");
  EXPECT_THAT(rejection(R"({"block_out_channels": [32, 32]})"), HasSubstr("must agree"));
  EXPECT_THAT(rejection(R"({"block_out_channels": [33]})"), HasSubstr("does not divide"));
  EXPECT_THAT(
      rejection(R"({"_class_name": "AutoencoderKLFlux2"})"), HasSubstr("expected AutoencoderKL"));
}

} // namespace
} // namespace mflux::kl
