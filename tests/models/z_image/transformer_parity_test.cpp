// The transformer against dumps of the real diffusers class, module by module, in float32.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/models/z_image/transformer.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::z_image {
namespace {

using testing::fixture;

class TransformerParity : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path folder = fixture("z_image_transformer") / GetParam();
  capture::Inputs dump{folder / "dump"};
  testing::TemporaryFolder output;
  std::shared_ptr<capture::Taps> taps = std::make_shared<capture::Taps>("transformer");
  ZImageTransformer2DModel transformer = load_transformer(folder, mx::float32, taps);

  std::vector<mx::array> list(const std::string& name) const {
    std::vector<mx::array> all;
    for (int i = 0; dump.has(fmt::format("transformer.in.{}.{}", name, i)); ++i) {
      all.push_back(to_array(dump.require({fmt::format("transformer.in.{}.{}", name, i)})));
    }
    return all;
  }
};

TEST_P(TransformerParity, EveryCheckpoint) {
  capture::Recorder recorder(output / "dump", {});
  {
    const capture::Watch watch(*taps, &recorder);
    transformer(
        {.x = list("x"),
         .t = to_array(dump.require({"transformer.in.t"})),
         .cap_feats = list("cap_feats")});
  }
  recorder.finish();
  testing::expect_parity(output / "dump", folder / "dump");
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    TransformerParity,
    ::testing::Values("turbo", "small_queries", "frames"),
    [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace mflux::z_image
