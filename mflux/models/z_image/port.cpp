#include "mflux/models/z_image/port.h"

#include "mflux/models/port_vae.h"
#include "mflux/vae/kl/autoencoder.h"

namespace mflux::z_image {
namespace {

/// As published, where it differs from its class's defaults.
kl::VaeConfig published_vae() {
  return {
      .block_out_channels = {128, 256, 512, 512},
      .layers_per_block = 2,
      .latent_channels = 16,
      .use_quant_conv = false,
      .use_post_quant_conv = false};
}

Declared declare_vae(const std::filesystem::path& folder) {
  return declare<kl::AutoencoderKL>(
      folder.empty() ? published_vae() : read_config(folder, kl::parse_vae_config));
}

} // namespace

models::Port z_image_port() {
  return {
      .name = "z-image",
      .components = models::vae_components<kl::load_autoencoder>(),
      .weights = {{.name = "vae", .declare = declare_vae}}};
}

} // namespace mflux::z_image
