#include "mflux/models/z_image/port.h"

#include "mflux/base/model_config.h"
#include "mflux/models/port_vae.h"
#include "mflux/models/z_image/port_transformer.h"
#include "mflux/models/z_image/transformer.h"
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

Declared declare_transformer(const std::filesystem::path& folder) {
  return declare<ZImageTransformer2DModel>(
      folder.empty() ? TransformerConfig{} : read_config(folder, parse_transformer_config));
}

} // namespace

models::Port z_image_port() {
  auto components = models::vae_components<kl::load_autoencoder>();
  components.push_back(transformer_component());
  return {
      .name = "z-image",
      .components = std::move(components),
      .weights = {
          {.name = "transformer", .declare = declare_transformer},
          {.name = "vae", .declare = declare_vae}}};
}

} // namespace mflux::z_image
