// `mflux port run flux2-klein transformer`: the demo model on the tensors that diffusers' run
// dumped.
#include <fmt/format.h>

#include "gmock/gmock.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/json.h"
#include "support/dumps.h"
#include "support/fixture.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::fixture;
using ::testing::HasSubstr;
using testing::run_mflux;

testing::CommandResult run_transformer(
    const std::string& model,
    const std::filesystem::path& inputs,
    std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{
      "port", "run", "flux2-klein", "transformer", "--model", model, "--inputs", inputs.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_mflux(arguments);
}

// From latents, prompt_embeds and timestep: ids are made as the pipeline makes them.
TEST(DemoTransformer, EveryStepsPredictionIsDiffusers) {
  testing::TemporaryFolder output;
  const auto reference = fixture("demo/ref");
  const auto file = output / "predictions.safetensors";
  const auto done = run_transformer("emoji", reference, {"--output", file.string()});
  ASSERT_EQ(done.code, 0) << done.err;

  const auto result = run_mflux({"parity", "compare", reference.string(), file.string(), "--json"});
  const Json compared = parse_json(result.out);
  int passed = 0;
  for (const auto& checkpoint : compared["checkpoints"]) {
    if (checkpoint["name"] == "noise_pred") {
      EXPECT_EQ(checkpoint["verdict"], "PASS") << checkpoint["step"];
      EXPECT_LE(checkpoint["rel_l2"].get<double>(), 5e-6) << checkpoint["step"];
      passed += checkpoint["verdict"] == "PASS";
    }
  }
  EXPECT_EQ(passed, 4);
}

TEST(PortTransformer, RunsEveryCallThatADumpHoldsTheInputsOf) {
  testing::TemporaryFolder output;
  const auto model = fixture("flux2_transformer/klein");
  const auto dump = testing::read_dump(model / "dump");
  std::vector<artifacts::NamedTensor> inputs;
  for (const char* call : {"transformer", "transformer.call2"}) {
    for (const auto& checkpoint : dump) {
      if (const std::string start = "transformer.in."; checkpoint.name.starts_with(start)) {
        const auto argument = checkpoint.name.substr(start.size());
        inputs.push_back({fmt::format("{}.in.{}@step=3", call, argument), checkpoint.tensor});
      }
    }
  }
  artifacts::write_safetensors(output / "inputs.safetensors", inputs);
  const auto done = run_transformer(
      model.string(),
      output / "inputs.safetensors",
      {"--capture", (output / "capture").string(), "--tap", "transformer*", "--tap", "noise_*"});
  ASSERT_EQ(done.code, 0) << done.err;

  std::vector<std::string> names;
  for (const auto& checkpoint : testing::read_dump(output / "capture")) {
    names.push_back(checkpoint.name);
    if (checkpoint.name.starts_with("noise_pred") || checkpoint.name == "transformer@step=3" ||
        checkpoint.name == "transformer.call2@step=3") {
      const auto& want = testing::find(dump, "transformer");
      EXPECT_LE(testing::relative_l2(checkpoint.tensor, want.tensor), testing::float32_bound(want));
    }
  }
  const size_t module_checkpoints = dump.size();
  EXPECT_EQ(names.size(), 2 * module_checkpoints + 2);
  EXPECT_THAT(names, ::testing::Contains("noise_pred_cond@step=3"));
  EXPECT_THAT(names, ::testing::Contains("noise_pred_uncond@step=3"));
  EXPECT_THAT(names, ::testing::Contains("transformer.pos_embed.call4.out.1@step=3"));
}

TEST(PortTransformer, SaysWhatTheInputsLack) {
  const auto model = fixture("flux2_transformer/klein").string();
  const auto other = run_transformer(model, fixture("vae/odd_sizes/decode"));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("hold neither transformer.in.hidden_states nor"));
  const auto channels = run_transformer("emoji", fixture("flux2_transformer/klein/dump"));
  EXPECT_EQ(channels.code, 2);
  EXPECT_THAT(
      channels.err, HasSubstr("hidden_states is [1, 21, 12], expected [batch, tokens, 128]"));
}

} // namespace
} // namespace mflux
