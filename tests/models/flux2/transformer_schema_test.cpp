#include <chrono>
#include <string>

#include "gtest/gtest.h"
#include "mflux/models/flux2/transformer.h"
#include "support/fixture.h"
#include "support/published_schema.h"

namespace mflux::flux2 {
namespace {

class TransformerSchema : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path path =
      testing::fixture(std::string("flux2_transformer/schema_") + GetParam() + ".json");
  Json file = read_json(path);
  TransformerConfig config = parse_transformer_config(file.at("config"), "config.json");
};

TEST_P(TransformerSchema, IsThePublishedModels) {
  testing::expect_published(
      schema_of<Flux2Transformer2DModel>(config), testing::schema_in(file), path);
}

TEST_P(TransformerSchema, HasAsManyParameters) {
  EXPECT_EQ(
      testing::parameters_of(schema_of<Flux2Transformer2DModel>(config)),
      file.at("parameters").get<int64_t>());
}

TEST_P(TransformerSchema, AllocatesNothing) {
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  mx::reset_peak_memory();
  const auto start = std::chrono::steady_clock::now();
  const auto schema = schema_of<Flux2Transformer2DModel>(config);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(mx::get_active_memory(), before);
  EXPECT_LT(mx::get_peak_memory() - before, 4096u) << "more than one scalar's page was allocated";
  EXPECT_LT(seconds.count(), 0.5);
}

INSTANTIATE_TEST_SUITE_P(
    Published, TransformerSchema, ::testing::Values("klein_4b", "klein_9b"), [](const auto& info) {
      return std::string(info.param);
    });

} // namespace
} // namespace mflux::flux2
