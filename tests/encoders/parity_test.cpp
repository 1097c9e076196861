// The text encoder against dumps of the real transformers classes, module by module, in float32.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/models/flux2/encode_tokens.h"
#include "mflux/parity/tolerance.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::qwen3 {
namespace {

class Qwen3Parity : public ::testing::TestWithParam<const char*> {};

TEST_P(Qwen3Parity, EveryCheckpoint) {
  const auto folder = testing::fixture("qwen3") / GetParam();
  const capture::Inputs dump(folder / "dump");
  const auto input = [&](const std::string& name) { return to_array(dump.require({name})); };
  Tokens tokens{.input_ids = input("input_ids")};
  if (dump.has("attention_mask")) {
    tokens.attention_mask = input("attention_mask");
  }

  capture::Taps taps;
  const auto wanted = dump.run().at("text_encoder_out_layers").get<std::vector<int>>();
  const auto encoder =
      load_text_encoder(folder, mx::float32, wanted, taps.component("text_encoder"));
  const testing::TemporaryFolder output;
  capture::Recorder recorder(output / "dump", {});
  {
    const capture::Watch watch(taps, &recorder);
    flux2::encode_tokens(encoder, tokens, taps);
  }
  recorder.finish();
  testing::expect_parity(output / "dump", folder / "dump");
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    Qwen3Parity,
    ::testing::Values("tied", "without_head", "untied", "bfloat16_file"),
    [](const auto& info) { return std::string(info.param); });

// The bundled model, on the demo's own ids.
TEST(Qwen3Demo, PromptEmbedsAreTheReferences) {
  const auto model = std::filesystem::path(MFLUX_SOURCE_DIR) / "models" / "emoji" / "text_encoder";
  const capture::Inputs dump(testing::fixture("demo") / "ref");
  const auto wanted = dump.run().at("text_encoder_out_layers").get<std::vector<int>>();
  const auto encoder = load_text_encoder(model, mx::float32, wanted);
  const auto embeds = encoder(
      {.input_ids = to_array(dump.require({"input_ids"})),
       .attention_mask = to_array(dump.require({"attention_mask"}))});
  const auto expected = to_array(dump.require({"prompt_embeds"}));
  ASSERT_EQ(embeds.shape(), expected.shape());
  const auto rules = parity::read_tolerances(testing::fixture("demo") / "ref" / "parity.toml");
  const auto* rule = parity::rule_for(rules, parity::parse_name("prompt_embeds"));
  ASSERT_TRUE(rule);
  EXPECT_LT(rule->tolerance.rtol, 1e-4);
  EXPECT_TRUE(
      mx::allclose(embeds, expected, rule->tolerance.rtol, rule->tolerance.atol).item<bool>());
}

} // namespace
} // namespace mflux::qwen3
