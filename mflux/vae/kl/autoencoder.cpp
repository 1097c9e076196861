#include "mflux/vae/kl/autoencoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/nn/load_component.h"

namespace mflux::kl {

std::optional<nn::Conv2d> AutoencoderKL::pointwise(
    bool present, std::string_view name, int channels) const {
  return nn::when<nn::Conv2d>(
      present, at(name), channels, channels, nn::Conv2d::Options{.kernel = 1});
}

mx::array AutoencoderKL::encode(const mx::array& image) const {
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

mx::array AutoencoderKL::decode(const mx::array& latents) const {
  expect_image(latents, config.latent_channels);
  const auto call = this->call("decode");
  const auto z = call.in(latents, nn::Axes::channels_last);
  return call.out(decoder(post_quant_conv ? (*post_quant_conv)(z) : z), nn::Axes::channels_last);
}

AutoencoderKL load_autoencoder(
    const std::filesystem::path& folder, mx::Dtype dtype, std::shared_ptr<capture::Taps> taps) {
  return nn::load_component<AutoencoderKL>(
      folder, dtype, std::move(taps), read_config(folder, parse_vae_config));
}

} // namespace mflux::kl
