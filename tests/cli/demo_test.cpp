// What ./dev demo shows, as a test: the demo model decodes the latents that diffusers reached.
#include "gmock/gmock.h"
#include "mflux/base/json.h"
#include "mflux/image/image.h"
#include "support/fixture.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::fixture;
using testing::run_mflux;

constexpr double kFloat32Bound = 2e-6; ///< rel_l2, at every checkpoint

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto result = run_mflux(
        {"port",
         "run",
         "flux2-klein",
         "latents.decode",
         "--model",
         "emoji",
         "--inputs",
         reference.string(),
         "--capture",
         capture.string(),
         "--image",
         picture.string()});
    ASSERT_EQ(result.code, 0) << result.err;
  }

  testing::TemporaryFolder output;
  std::filesystem::path reference = fixture("demo/ref");
  std::filesystem::path capture = output / "mlx", picture = output / "mlx/image.png";
};

TEST_F(Demo, EveryCheckpointOfTheDecodeIsPyTorchs) {
  const auto result =
      run_mflux({"parity", "compare", reference.string(), capture.string(), "--json"});
  const Json json = parse_json(result.out);
  int compared = 0;
  for (const auto& checkpoint : json["checkpoints"]) {
    if (checkpoint["verdict"] != "MISSING") {
      ++compared;
      EXPECT_EQ(checkpoint["verdict"], "PASS") << checkpoint["name"];
      EXPECT_LE(checkpoint["rel_l2"].get<double>(), kFloat32Bound) << checkpoint["name"];
    } else {
      EXPECT_EQ(checkpoint["name"].get<std::string>().find("vae"), std::string::npos);
    }
  }
  EXPECT_EQ(compared, 31);
  EXPECT_EQ(json["verdict"], "MISSING"); // what came before the decode is not ported yet
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
