// What ./dev demo shows, as a test: the demo model draws diffusers' prompt from diffusers' noise.
#include "gmock/gmock.h"
#include "mflux/base/json.h"
#include "mflux/image/png.h"
#include "support/fixture.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::fixture;
using testing::run_mflux;

constexpr double kFloat32Bound = 5e-6; ///< rel_l2, at every checkpoint
constexpr int kCheckpoints = 173;

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = run_mflux(
        {"generate",
         "--model",
         "emoji",
         "--prompt",
         "red apple",
         "--latents",
         reference.string() + "#latents_initial",
         "--capture",
         capture.string(),
         "--output",
         picture.string()});
    ASSERT_EQ(result.code, 0) << result.err;
  }

  testing::TemporaryFolder output;
  std::filesystem::path reference = fixture("demo/ref");
  std::filesystem::path capture = output / "mlx", picture = capture / "image.png";
};

TEST_F(Demo, EveryCheckpointOfTheRunIsPyTorchs) {
  const auto result =
      run_mflux({"parity", "compare", reference.string(), capture.string(), "--json"});
  EXPECT_EQ(result.code, 0);
  const Json json = parse_json(result.out);
  EXPECT_EQ(json["verdict"], "PASS");
  EXPECT_EQ(json["checkpoints"].size(), kCheckpoints + 1);
  bool has_ids = false;
  for (const auto& checkpoint : json["checkpoints"]) {
    EXPECT_EQ(checkpoint["verdict"], "PASS") << checkpoint["name"];
    const bool is_ids = checkpoint["name"] == "input_ids";
    has_ids = has_ids || is_ids;
    if (checkpoint.contains("picture")) {
      EXPECT_LE(checkpoint["picture"]["max_levels"].get<double>(), 1);
      continue;
    }
    const double bound = is_ids ? 0 : kFloat32Bound;
    EXPECT_LE(checkpoint["rel_l2"].get<double>(), bound) << checkpoint["name"];
  }
  EXPECT_TRUE(has_ids);
}

TEST_F(Demo, ThePictureIsDiffusers) {
  const Image ours = read_png(picture), theirs = read_png(reference / "image.png");
  ASSERT_EQ(ours.rgb.size(), theirs.rgb.size());
  for (size_t i = 0; i < ours.rgb.size(); ++i) {
    ASSERT_NEAR(ours.rgb[i], theirs.rgb[i], 1) << "at byte " << i;
  }
}

} // namespace
} // namespace mflux
