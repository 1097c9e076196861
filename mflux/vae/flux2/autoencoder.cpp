#include "mflux/vae/flux2/autoencoder.h"

#include "mflux/base/error.h"
#include "mflux/nn/load_component.h"

namespace mflux::flux2 {
namespace {

mx::array deviation(const LatentNorm& bn, mx::Dtype dtype) {
  return mx::astype(mx::sqrt(mx::add(bn.running_var, mx::array(bn.eps))), dtype);
}

void check_statistics(const LatentNorm& bn) {
  if (!mx::all(mx::greater_equal(bn.running_var, mx::array(0.0f))).item<bool>()) {
    throw Error("bn.running_var holds negative numbers or NaN, expected variances");
  }
}

} // namespace

mx::array LatentNorm::normalise(const mx::array& x) const {
  expect_image(x, channels);
  const auto mean = mx::astype(running_mean, x.dtype());
  return mx::divide(mx::subtract(x, mean), deviation(*this, x.dtype()));
}

mx::array LatentNorm::denormalise(const mx::array& x) const {
  expect_image(x, channels);
  const auto mean = mx::astype(running_mean, x.dtype());
  return mx::add(mx::multiply(x, deviation(*this, x.dtype())), mean);
}

AutoencoderKLFlux2 load_autoencoder(
    const std::filesystem::path& folder, mx::Dtype dtype, std::shared_ptr<capture::Taps> taps) {
  auto vae = nn::load_component<AutoencoderKLFlux2>(
      folder, dtype, std::move(taps), read_config(folder, parse_vae_config));
  with_context(weights_file(folder).string(), [&] { check_statistics(vae.bn); });
  return vae;
}

} // namespace mflux::flux2
