// FLUX.1's autoencoder against dumps of the real diffusers class, module by module, in float32.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/recorder.h"
#include "mflux/capture/tensors.h"
#include "mflux/vae/kl/autoencoder.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::kl {
namespace {

class KlVaeParity : public ::testing::Test {
 protected:
  std::filesystem::path folder = testing::fixture("vae/flux1");
  testing::TemporaryFolder output;
  std::shared_ptr<capture::Taps> taps = std::make_shared<capture::Taps>("vae");
  AutoencoderKL vae = load_autoencoder(folder, mx::float32, taps);

  template <typename Run>
  void expect_same(const std::string& dump, Run&& run) {
    const capture::Inputs inputs(folder / dump);
    capture::Recorder recorder(output / dump, {});
    {
      const capture::Watch watch(*taps, &recorder);
      run(capture::channels_last(to_array(inputs.require({"vae." + dump + ".in"}))));
    }
    recorder.finish();
    testing::expect_parity(output / dump, folder / dump);
  }
};

TEST_F(KlVaeParity, Decode) {
  expect_same("decode", [&](const mx::array& latents) { vae.decode(latents); });
}

TEST_F(KlVaeParity, Encode) {
  expect_same("encode", [&](const mx::array& image) { vae.encode(image); });
}

} // namespace
} // namespace mflux::kl
