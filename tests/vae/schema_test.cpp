#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/vae/flux2/autoencoder.h"
#include "support/fixture.h"
#include "support/published_schema.h"

namespace mflux::flux2 {
namespace {

std::filesystem::path published_file() {
  return testing::fixture("vae/klein_schema.json");
}

/// The shapes of the class at its default config, which is the published klein VAE's.
Schema published() {
  const Json file = read_json(published_file());
  Schema schema;
  for (const auto& [name, tensor] : file.at("tensors").items()) {
    const auto shape = tensor.at("shape").get<std::vector<int>>();
    schema.emplace(name, mx::Shape(shape.begin(), shape.end()));
  }
  return schema;
}

TEST(Flux2VaeSchema, IsThePublishedModels) {
  Schema expected = published();
  for (const char* name : AutoencoderKLFlux2::kUnusedByDesign) {
    EXPECT_EQ(expected.erase(name), 1u) << name;
  }
  testing::expect_published(schema_of<AutoencoderKLFlux2>(VaeConfig{}), expected, published_file());
}

TEST(Flux2VaeSchema, DefaultsAreTheClassesOwn) {
  const Json file = read_json(published_file());
  const VaeConfig read = parse_vae_config(file.at("config"), "config"), ours;
  EXPECT_EQ(schema_of<AutoencoderKLFlux2>(read), schema_of<AutoencoderKLFlux2>(ours));
  EXPECT_EQ(read.batch_norm_eps, ours.batch_norm_eps);
  EXPECT_EQ(read.norm_num_groups, ours.norm_num_groups);
}

TEST(Flux2VaeSchema, AllocatesNothing) {
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  mx::reset_peak_memory();
  const auto start = std::chrono::steady_clock::now();
  const auto schema = schema_of<AutoencoderKLFlux2>(VaeConfig{});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(mx::get_active_memory(), before);
  EXPECT_LT(mx::get_peak_memory() - before, 4096u) << "more than one scalar's page was allocated";
  EXPECT_LT(seconds.count(), 0.5);
  EXPECT_GT(schema.size(), 200u);
}

} // namespace
} // namespace mflux::flux2
