// The transformer against dumps of the real diffusers class, module by module, in float32.
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/models/flux2/transformer.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::flux2 {
namespace {

using testing::fixture;

class TransformerParity : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path folder = fixture("flux2_transformer") / GetParam();
  capture::Inputs dump{folder / "dump"};
  testing::TemporaryFolder output;
  std::shared_ptr<capture::Taps> taps = std::make_shared<capture::Taps>("transformer");
  Flux2Transformer2DModel transformer = load_transformer(folder, mx::float32, taps);

  mx::array input(const std::string& name) const {
    return to_array(dump.require({"transformer.in." + name}));
  }
};

TEST_P(TransformerParity, EveryCheckpoint) {
  const auto img = transformer.pos_embed.prepare(input("img_ids"));
  const auto txt = transformer.pos_embed.prepare(input("txt_ids"));
  std::optional<mx::array> guidance;
  if (dump.has("transformer.in.guidance")) {
    guidance = input("guidance");
  }
  capture::Recorder recorder(output / "dump", {});
  {
    const capture::Watch watch(*taps, &recorder);
    transformer(
        {.hidden_states = input("hidden_states"),
         .encoder_hidden_states = input("encoder_hidden_states"),
         .timestep = input("timestep"),
         .img = img,
         .txt = txt,
         .guidance = guidance});
  }
  recorder.finish();
  testing::expect_parity(output / "dump", folder / "dump");
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    TransformerParity,
    ::testing::Values("klein", "small_queries", "guidance", "references"),
    [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace mflux::flux2
