#include "mflux/vae/flux2/config.h"

#include <fmt/format.h>

#include "mflux/vae/kl/config_checks.h"

namespace mflux::flux2 {
namespace {

using kl::kMostChannels;
using kl::kMostLayers;

void check(const VaeConfig& c, const ModelConfig& checks) {
  checks.range("in_channels", c.in_channels, 1, kMostChannels);
  checks.range("out_channels", c.out_channels, 1, kMostChannels);
  checks.range("latent_channels", c.latent_channels, 1, kMostChannels);
  checks.range("layers_per_block", c.layers_per_block, 1, kMostLayers);
  checks.range("norm_num_groups", c.norm_num_groups, 1, kMostChannels);
  kl::check_channels(checks, "block_out_channels", c.block_out_channels, c.norm_num_groups);
  if (!c.decoder_block_out_channels.empty()) {
    kl::check_channels(
        checks, "decoder_block_out_channels", c.decoder_block_out_channels, c.norm_num_groups);
    if (c.decoder_block_out_channels.size() != c.block_out_channels.size()) {
      checks.fail(fmt::format(
          "decoder_block_out_channels has {} entries and block_out_channels {}; they must agree",
          c.decoder_block_out_channels.size(),
          c.block_out_channels.size()));
    }
  }
  if (!(c.batch_norm_eps >= 0 && c.batch_norm_eps < 1e6)) {
    checks.fail(fmt::format("batch_norm_eps is {}, expected 0 or more", c.batch_norm_eps));
  }
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
  if (!decoder_block_out_channels.empty()) {
    out.block_out_channels = decoder_block_out_channels;
  }
  return out;
}

VaeConfig parse_vae_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"AutoencoderKLFlux2"});
  JsonReader& reader = file.reader();

  VaeConfig c;
  c.in_channels = reader.get("in_channels", c.in_channels);
  c.out_channels = reader.get("out_channels", c.out_channels);
  c.block_out_channels = reader.get("block_out_channels", c.block_out_channels);
  c.decoder_block_out_channels =
      reader.maybe<std::vector<int>>("decoder_block_out_channels").value_or(std::vector<int>{});
  c.layers_per_block = reader.get("layers_per_block", c.layers_per_block);
  c.latent_channels = reader.get("latent_channels", c.latent_channels);
  c.norm_num_groups = reader.get("norm_num_groups", c.norm_num_groups);
  c.use_quant_conv = reader.get("use_quant_conv", c.use_quant_conv);
  c.use_post_quant_conv = reader.get("use_post_quant_conv", c.use_post_quant_conv);
  c.mid_block_add_attention = reader.get("mid_block_add_attention", c.mid_block_add_attention);
  c.batch_norm_eps = reader.get("batch_norm_eps", c.batch_norm_eps);
  check(c, file);

  const std::string down = "DownEncoderBlock2D", up = "UpDecoderBlock2D";
  const std::vector<std::string> four_down(4, down), four_up(4, up);
  const size_t levels = c.block_out_channels.size();
  kl::check_blocks(
      file, "down_block_types", reader.get("down_block_types", four_down), down, levels);
  kl::check_blocks(file, "up_block_types", reader.get("up_block_types", four_up), up, levels);
  file.same("act_fn", reader.get<std::string>("act_fn", "silu"), "silu");
  if (reader.get("patch_size", std::vector<int>{kPatch, kPatch}) != std::vector{kPatch, kPatch}) {
    file.fail("patch_size is not [2, 2], which is all that the klein pipeline knows");
  }
  reader.ignore("batch_norm_momentum"); // of training
  reader.ignore("sample_size");         // of tiling
  file.report_unknown();
  return c;
}

} // namespace mflux::flux2
