// The autoencoder against dumps of the real diffusers class, module by module, in float32.
#include <memory>
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/capture/tensors.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/vae/flux2/autoencoder.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::flux2 {
namespace {

using testing::fixture;

class VaeParity : public ::testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path folder = fixture("vae") / GetParam();
  testing::TemporaryFolder output;
  std::shared_ptr<capture::Taps> taps = std::make_shared<capture::Taps>("vae");
  AutoencoderKLFlux2 vae = load_autoencoder(folder, mx::float32, taps);

  mx::array input(const std::string& dump, const std::string& name) const {
    return capture::channels_last(to_array(capture::Inputs(folder / dump).require({name})));
  }

  template <typename Run>
  void expect_same(const std::string& dump, Run&& run) {
    capture::Recorder recorder(output / dump, {});
    {
      const capture::Watch watch(*taps, &recorder);
      run();
    }
    recorder.finish();
    testing::expect_parity(output / dump, folder / dump);
  }
};

TEST_P(VaeParity, Decode) {
  expect_same("decode", [&] { vae.decode(input("decode", "vae.decode.in")); });
}

TEST_P(VaeParity, Encode) {
  expect_same("encode", [&] { vae.encode(input("encode", "vae.encode.in")); });
}

// The way of an edit's reference image into tokens, and of the loop's tokens back to latents.
TEST_P(VaeParity, Latents) {
  const auto image = input("latents", "vae.encode.in");
  const int pixels = kPatch * vae.config.scale();
  capture::Recorder recorder(output / "latents", {}, {.globs = {"vae.encode", "latents_*"}});
  {
    const capture::Watch watch(*taps, &recorder);
    const auto tokens = encode_image(vae, image, *taps);
    tokens_to_latents(vae, tokens, image.shape(1) / pixels, image.shape(2) / pixels, *taps);
  }
  recorder.finish();
  testing::expect_parity(output / "latents", folder / "latents");
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    VaeParity,
    ::testing::Values("four_blocks", "small_activations", "odd_sizes", "four_to_two_channels"),
    [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace mflux::flux2
