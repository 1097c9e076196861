#include "mflux/models/flux2/transformer_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <numeric>

#include "mflux/base/model_config.h"

namespace mflux::flux2 {
namespace {

/// Far above any model; products of two sizes stay within an int.
constexpr int kMostChannels = 1 << 14, kMostLayers = 1 << 10, kMostHeads = 1 << 10;
constexpr int kMostPatch = 16, kMostAxes = 16;
constexpr int64_t kMostWidth = 1 << 20;

void check_sizes(const TransformerConfig& c, const ModelConfig& file) {
  file.range("patch_size", c.patch_size, 1, kMostPatch);
  file.range("in_channels", c.in_channels, 1, kMostChannels);
  file.range("out_channels", c.out_channels, 1, kMostChannels);
  file.range("num_layers", c.num_layers, 0, kMostLayers);
  file.range("num_single_layers", c.num_single_layers, 0, kMostLayers);
  file.range("attention_head_dim", c.attention_head_dim, 2, kMostChannels);
  file.range("num_attention_heads", c.num_attention_heads, 1, kMostHeads);
  file.range("joint_attention_dim", c.joint_attention_dim, 1, 1 << 20);
  file.range("timestep_guidance_channels", c.timestep_guidance_channels, 2, kMostChannels);
  const int64_t dim = int64_t{c.num_attention_heads} * c.attention_head_dim;
  if (!(c.mlp_ratio > 0 && static_cast<double>(dim) * c.mlp_ratio >= 1)) {
    file.fail(fmt::format("mlp_ratio is {}, expected a positive number", c.mlp_ratio));
  }
  if (static_cast<double>(dim) * std::max(c.mlp_ratio, 1.0) > kMostWidth) {
    file.fail(fmt::format(
        "num_attention_heads {} × attention_head_dim {} × mlp_ratio {} is more than {}",
        c.num_attention_heads,
        c.attention_head_dim,
        c.mlp_ratio,
        kMostWidth));
  }
}

void check_rope(const TransformerConfig& c, const ModelConfig& file) {
  const auto& dims = c.axes_dims_rope;
  if (dims.empty() || dims.size() > kMostAxes) {
    file.fail(
        fmt::format("axes_dims_rope has {} entries, expected 1 to {}", dims.size(), kMostAxes));
  }
  for (const int dim : dims) {
    if (dim < 0 || dim % 2 != 0) {
      file.fail(fmt::format("axes_dims_rope has {}, expected even numbers", dim));
    }
    file.range("axes_dims_rope", dim, 0, kMostChannels);
  }
  const int sum = std::accumulate(dims.begin(), dims.end(), 0);
  if (sum != c.attention_head_dim) {
    file.fail(fmt::format(
        "axes_dims_rope [{}] add up to {}, expected attention_head_dim, {}",
        fmt::join(dims, ", "),
        sum,
        c.attention_head_dim));
  }
  if (!(c.rope_theta > 0 && std::isfinite(c.rope_theta))) {
    file.fail(fmt::format("rope_theta is {}, expected a positive number", c.rope_theta));
  }
  if (!(c.eps >= 0 && c.eps < 1)) {
    file.fail(fmt::format("eps is {}, expected 0 to 1", c.eps));
  }
}

} // namespace

TransformerConfig parse_transformer_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"Flux2Transformer2DModel"});
  JsonReader& reader = file.reader();
  TransformerConfig c;
  c.patch_size = reader.get("patch_size", c.patch_size);
  c.in_channels = reader.get("in_channels", c.in_channels);
  c.out_channels = reader.maybe<int>("out_channels").value_or(c.in_channels);
  c.num_layers = reader.get("num_layers", c.num_layers);
  c.num_single_layers = reader.get("num_single_layers", c.num_single_layers);
  c.attention_head_dim = reader.get("attention_head_dim", c.attention_head_dim);
  c.num_attention_heads = reader.get("num_attention_heads", c.num_attention_heads);
  c.joint_attention_dim = reader.get("joint_attention_dim", c.joint_attention_dim);
  c.timestep_guidance_channels =
      reader.get("timestep_guidance_channels", c.timestep_guidance_channels);
  c.mlp_ratio = reader.get("mlp_ratio", c.mlp_ratio);
  c.axes_dims_rope = reader.get("axes_dims_rope", c.axes_dims_rope);
  c.rope_theta = reader.get("rope_theta", c.rope_theta);
  c.eps = reader.get("eps", c.eps);
  c.guidance_embeds = reader.get("guidance_embeds", c.guidance_embeds);
  check_sizes(c, file);
  check_rope(c, file);
  file.report_unknown();
  return c;
}

} // namespace mflux::flux2
