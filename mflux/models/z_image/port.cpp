#include "mflux/models/z_image/port.h"

#include "mflux/models/port_vae.h"
#include "mflux/vae/flux1/autoencoder.h"

namespace mflux::z_image {
namespace {

/// As published, where it differs from its class's defaults.
flux1::VaeConfig published_vae() {
  return {
      .block_out_channels = {128, 256, 512, 512},
      .layers_per_block = 2,
      .latent_channels = 16,
      .use_quant_conv = false,
      .use_post_quant_conv = false};
}

Declared declare_vae(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  return declare<flux1::AutoencoderKL>(
      folder.empty() ? published_vae() : flux1::parse_vae_config(read_json(file), file.string()));
}

} // namespace

models::Port z_image_port() {
  return {
      .name = "z-image",
      .components = models::vae_components<flux1::load_autoencoder>(),
      .weights = {{.name = "vae", .declare = declare_vae}}};
}

} // namespace mflux::z_image
