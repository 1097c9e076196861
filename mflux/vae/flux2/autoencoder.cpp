#include "mflux/vae/flux2/autoencoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/nn/load_component.h"

namespace mflux::flux2 {
namespace {

mx::array deviation(const LatentNorm& bn, mx::Dtype dtype) {
  return mx::astype(mx::sqrt(mx::add(bn.running_var, mx::array(bn.eps))), dtype);
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

std::optional<nn::Conv2d> AutoencoderKLFlux2::pointwise(
    bool present, std::string_view name, int channels) const {
  return nn::when<nn::Conv2d>(
      present, at(name), channels, channels, nn::Conv2d::Options{.kernel = 1});
}

mx::array AutoencoderKLFlux2::encode(const mx::array& image) const {
  expect_image(image, config.in_channels);
  if (std::min(image.shape(1), image.shape(2)) < config.scale()) {
    reject(image, fmt::format("an image of sides of at least {}", config.scale()));
  }
  const auto call = this->call("encode");
  auto moments = encoder(call.in(image, nn::Axes::channels_last));
  if (quant_conv) {
    moments = (*quant_conv)(moments);
  }
  return call.out(mx::split(moments, 2, 3)[0], nn::Axes::channels_last);
}

mx::array AutoencoderKLFlux2::decode(const mx::array& latents) const {
  expect_image(latents, config.latent_channels);
  const auto call = this->call("decode");
  const auto z = call.in(latents, nn::Axes::channels_last);
  return call.out(decoder(post_quant_conv ? (*post_quant_conv)(z) : z), nn::Axes::channels_last);
}

namespace {

void check_statistics(const LatentNorm& bn) {
  if (!mx::all(mx::greater_equal(bn.running_var, mx::array(0.0f))).item<bool>()) {
    throw Error("bn.running_var holds negative numbers or NaN, expected variances");
  }
}

} // namespace

AutoencoderKLFlux2 load_autoencoder(
    const std::filesystem::path& folder, mx::Dtype dtype, std::shared_ptr<capture::Taps> taps) {
  const auto file = folder / "config.json";
  const VaeConfig config = parse_vae_config(read_json(file), file.string());
  auto vae = nn::load_component<AutoencoderKLFlux2>(folder, dtype, std::move(taps), config);
  with_context(weights_file(folder).string(), [&] { check_statistics(vae.bn); });
  return vae;
}

} // namespace mflux::flux2
