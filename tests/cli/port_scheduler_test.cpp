// `mflux port run flux2-klein scheduler` on dumps.
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
using testing::row;
using testing::run_mflux;

testing::CommandResult run_scheduler(
    const std::filesystem::path& inputs, const std::filesystem::path& capture) {
  return run_mflux(
      {"port",
       "run",
       "flux2-klein",
       "scheduler",
       "--model",
       "emoji",
       "--inputs",
       inputs.string(),
       "--capture",
       capture.string()});
}

TEST(PortScheduler, DoesEveryStepOfTheDemo) {
  const testing::TemporaryFolder output;
  const auto reference = fixture("demo/ref");
  ASSERT_EQ(run_scheduler(reference, output / "mlx").code, 0);
  const auto result =
      run_mflux({"parity", "compare", reference.string(), (output / "mlx").string(), "--json"});
  const Json json = parse_json(result.out);
  int compared = 0;
  for (const auto& checkpoint : json["checkpoints"]) {
    if (checkpoint["verdict"] != "MISSING") {
      EXPECT_EQ(checkpoint["verdict"], "PASS") << checkpoint["name"];
      EXPECT_LE(checkpoint["rel_l2"].get<double>(), 1e-7) << checkpoint["name"];
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6); // sigmas, timesteps and four steps' latents
}

TEST(PortScheduler, SaysWhatADumpLacks) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "dump.safetensors";
  const auto message = [&](const std::vector<artifacts::NamedTensor>& tensors) {
    artifacts::write_safetensors(file, tensors);
    const auto result = run_scheduler(file, folder / "mlx");
    EXPECT_EQ(result.code, 2);
    return result.err;
  };
  const auto steps = row("scheduler.in.num_inference_steps", {2});
  const auto tokens = row("scheduler.in.image_seq_len", {64});
  EXPECT_THAT(message({tokens}), HasSubstr("no number of steps"));
  EXPECT_THAT(message({steps}), HasSubstr("latents_packed"));
  EXPECT_THAT(message({steps, row("latents_packed", {1, 2})}), HasSubstr("[batch, tokens"));
  EXPECT_THAT(
      message({steps, tokens, row("scheduler.in.sigmas", {1, 0.5, 0.2})}),
      HasSubstr("one per step"));
  EXPECT_THAT(
      message({row("scheduler.in.num_inference_steps", {0}), tokens}), HasSubstr("expected 1"));
}

} // namespace
} // namespace mflux
