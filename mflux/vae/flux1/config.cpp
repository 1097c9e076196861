#include "mflux/vae/flux1/config.h"

#include "mflux/vae/kl/config_checks.h"

namespace mflux::flux1 {
namespace {

void check(const VaeConfig& c, const ModelConfig& checks) {
  checks.range("in_channels", c.in_channels, 1, kl::kMostChannels);
  checks.range("out_channels", c.out_channels, 1, kl::kMostChannels);
  checks.range("latent_channels", c.latent_channels, 1, kl::kMostChannels);
  checks.range("layers_per_block", c.layers_per_block, 1, kl::kMostLayers);
  checks.range("norm_num_groups", c.norm_num_groups, 1, kl::kMostChannels);
  kl::check_channels(checks, "block_out_channels", c.block_out_channels, c.norm_num_groups);
}

} // namespace

kl::CoderConfig VaeConfig::encoder() const {
  return {
      .in_channels = in_channels,
      .out_channels = 2 * latent_channels,
      .block_out_channels = block_out_channels,
      .layers_per_block = layers_per_block,
      .norm_num_groups = norm_num_groups,
      .mid_block_add_attention = mid_block_add_attention};
}

kl::CoderConfig VaeConfig::decoder() const {
  kl::CoderConfig out = encoder();
  out.in_channels = latent_channels;
  out.out_channels = out_channels;
  return out;
}

VaeConfig parse_vae_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"AutoencoderKL"});
  JsonReader& reader = file.reader();

  VaeConfig c;
  c.in_channels = reader.get("in_channels", c.in_channels);
  c.out_channels = reader.get("out_channels", c.out_channels);
  c.block_out_channels = reader.get("block_out_channels", c.block_out_channels);
  c.layers_per_block = reader.get("layers_per_block", c.layers_per_block);
  c.latent_channels = reader.get("latent_channels", c.latent_channels);
  c.norm_num_groups = reader.get("norm_num_groups", c.norm_num_groups);
  c.use_quant_conv = reader.get("use_quant_conv", c.use_quant_conv);
  c.use_post_quant_conv = reader.get("use_post_quant_conv", c.use_post_quant_conv);
  c.mid_block_add_attention = reader.get("mid_block_add_attention", c.mid_block_add_attention);
  check(c, file);

  const std::vector<std::string> down{"DownEncoderBlock2D"}, up{"UpDecoderBlock2D"};
  const size_t levels = c.block_out_channels.size();
  kl::check_blocks(
      file, "down_block_types", reader.get("down_block_types", down), down.front(), levels);
  kl::check_blocks(file, "up_block_types", reader.get("up_block_types", up), up.front(), levels);
  file.same("act_fn", reader.get<std::string>("act_fn", "silu"), "silu");
  for (const char* key : {"scaling_factor", "shift_factor", "latents_mean", "latents_std"}) {
    reader.ignore(key); // the class's encode and decode apply none of them, only pipelines do
  }
  reader.ignore("force_upcast"); // of pipelines in float16
  reader.ignore("sample_size");  // of tiling
  file.report_unknown();
  return c;
}

} // namespace mflux::flux1
