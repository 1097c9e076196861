#include "mflux/vae/kl/vae_config.h"

#include <fmt/format.h>

namespace mflux::kl {
namespace {

/// Far above any model; keeps products of two sizes within an int.
constexpr int kMostChannels = 1 << 14, kMostLevels = 8, kMostLayers = 64;

void check(const VaeConfig& c, const ModelConfig& file) {
  file.range("in_channels", c.in_channels, 1, kMostChannels);
  file.range("out_channels", c.out_channels, 1, kMostChannels);
  file.range("latent_channels", c.latent_channels, 1, kMostChannels);
  file.range("layers_per_block", c.layers_per_block, 1, kMostLayers);
  file.range("norm_num_groups", c.norm_num_groups, 1, kMostChannels);
  check_channels(file, "block_out_channels", c.block_out_channels, c.norm_num_groups);
}

/// Each of `levels` blocks is of the type `only`; a config that does not say has `by_default`.
void check_blocks(
    ModelConfig& file,
    const std::string& key,
    const std::string& only,
    size_t by_default,
    size_t levels) {
  const auto types = file.reader().get(key, std::vector<std::string>(by_default, only));
  for (const auto& type : types) {
    file.same(key, type, only);
  }
  if (types.size() != levels) {
    file.fail(fmt::format(
        "{} has {} entries and block_out_channels {}; they must agree", key, types.size(), levels));
  }
}

} // namespace

CoderConfig VaeConfig::encoder() const {
  return {
      .in_channels = in_channels,
      .out_channels = 2 * latent_channels,
      .block_out_channels = block_out_channels,
      .layers_per_block = layers_per_block,
      .norm_num_groups = norm_num_groups,
      .mid_block_add_attention = mid_block_add_attention};
}

CoderConfig VaeConfig::decoder() const {
  CoderConfig out = encoder();
  out.in_channels = latent_channels;
  out.out_channels = out_channels;
  if (!decoder_block_out_channels.empty()) {
    out.block_out_channels = decoder_block_out_channels;
  }
  return out;
}

void check_channels(
    const ModelConfig& file, const std::string& key, const std::vector<int>& values, int groups) {
  if (values.empty() || values.size() > kMostLevels) {
    file.fail(fmt::format("{} has {} entries, expected 1 to {}", key, values.size(), kMostLevels));
  }
  for (const int value : values) {
    file.range(key, value, 1, kMostChannels);
    if (value % groups != 0) {
      file.fail(
          fmt::format("{} has {}, which norm_num_groups {} does not divide", key, value, groups));
    }
  }
}

void read_common(ModelConfig& file, VaeConfig& c) {
  JsonReader& reader = file.reader();
  const size_t default_levels = c.block_out_channels.size();
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
  const size_t levels = c.block_out_channels.size();
  check_blocks(file, "down_block_types", "DownEncoderBlock2D", default_levels, levels);
  check_blocks(file, "up_block_types", "UpDecoderBlock2D", default_levels, levels);
  file.same("act_fn", reader.get<std::string>("act_fn", "silu"), "silu");
  reader.ignore("sample_size"); // of tiling
}

VaeConfig parse_vae_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"AutoencoderKL"});
  VaeConfig config;
  read_common(file, config);
  for (const char* key : {"scaling_factor", "shift_factor", "latents_mean", "latents_std"}) {
    file.reader().ignore(key); // the class's encode and decode apply none of them, pipelines do
  }
  file.reader().ignore("force_upcast"); // of pipelines in float16
  file.report_unknown();
  return config;
}

} // namespace mflux::kl
