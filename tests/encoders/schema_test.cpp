#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/glob.h"
#include "mflux/encoders/qwen3/encoder.h"
#include "support/fixture.h"
#include "support/published_schema.h"

namespace mflux::qwen3 {
namespace {

class Qwen3Schema : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path path =
      testing::fixture("qwen3_schema") / (std::string(GetParam()) + ".json");
  Json file = read_json(path);
  Qwen3Config config = parse_qwen3_config(file.at("config"), "config.json");

  /// Names and shapes of the published model.
  Schema published() const {
    Schema schema;
    for (const auto& [name, extents] : file.at("tensors").items()) {
      const auto shape = extents.get<std::vector<int>>();
      schema.emplace(name, mx::Shape(shape.begin(), shape.end()));
    }
    return schema;
  }
};

TEST_P(Qwen3Schema, IsThePublishedModels) {
  Schema expected = published();
  EXPECT_EQ(expected.erase("lm_head.weight"), 1u); // a text encoder gives no next token
  testing::expect_published(
      schema_of<TextEncoder>(config, std::vector{config.num_hidden_layers}), expected, path);
}

TEST_P(Qwen3Schema, KleinNeedsTwentySevenLayers) {
  const std::vector<int> wanted{9, 18, 27};
  const auto schema = schema_of<TextEncoder>(config, wanted);
  EXPECT_EQ(schema.size(), 1u + 27 * 11);
  const TextEncoder encoder(Loader(Weights{}).root(), config, wanted);
  for (const auto& [name, shape] : published()) {
    int matches = schema.count(name) ? 1 : 0;
    for (const auto& glob : encoder.unused_by_design()) {
      matches += glob_match(glob, name) ? 1 : 0;
    }
    EXPECT_EQ(matches, 1) << name << " must be either used or unused by design";
  }
}

TEST_P(Qwen3Schema, TakesMillisecondsAndNoMemory) {
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  mx::reset_peak_memory();
  const auto start = std::chrono::steady_clock::now();
  const auto schema = schema_of<TextEncoder>(config, std::vector{36});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(mx::get_active_memory(), before);
  EXPECT_LT(mx::get_peak_memory() - before, 4096u) << "more than one scalar's page was allocated";
  EXPECT_LT(seconds.count(), 0.5);
}

INSTANTIATE_TEST_SUITE_P(Models, Qwen3Schema, ::testing::Values("4b", "8b"));

// Without the wrapper that predicts tokens, names have no "model.".
TEST(Qwen3ModelSchema, HasNoPrefix) {
  const auto config = parse_qwen3_config(
      parse_json(R"({"architectures": ["Qwen3Model"], "num_hidden_layers": 2})"), "config.json");
  const auto schema = schema_of<TextEncoder>(config, std::vector{2});
  EXPECT_EQ(schema.count("embed_tokens.weight"), 1u);
  EXPECT_EQ(schema.count("layers.1.mlp.down_proj.weight"), 1u);
  EXPECT_EQ(schema.count("norm.weight"), 1u);
  EXPECT_EQ(schema.size(), 2u + 2 * 11);
}

} // namespace
} // namespace mflux::qwen3
