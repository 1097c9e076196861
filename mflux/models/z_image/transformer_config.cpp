#include "mflux/models/z_image/transformer_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "mflux/base/model_config.h"

namespace mflux::z_image {
namespace {

/// Far above any model; products of two sizes stay within an int.
constexpr int kMostChannels = 1 << 14, kMostLayers = 1 << 10, kMostHeads = 1 << 10;
constexpr int kMostPatch = 16, kMostAxes = 16, kMostPositions = 1 << 20;

/// What is given as a list of which only one is ever used.
int only_one(ModelConfig& file, const char* key, int fallback) {
  const auto all = file.reader().get(key, std::vector<int>{fallback});
  if (all.size() != 1) {
    file.fail(fmt::format("{} is [{}], but only one is implemented", key, fmt::join(all, ", ")));
  }
  file.range(key, all[0], 1, kMostPatch);
  return all[0];
}

void check_sizes(const TransformerConfig& c, const ModelConfig& file) {
  file.range("in_channels", c.in_channels, 1, kMostChannels);
  file.range("dim", c.dim, 1, kMostChannels);
  file.range("n_layers", c.n_layers, 0, kMostLayers);
  file.range("n_refiner_layers", c.n_refiner_layers, 0, kMostLayers);
  file.range("n_heads", c.n_heads, 1, kMostHeads);
  file.range("cap_feat_dim", c.cap_feat_dim, 1, 1 << 20);
  if (c.dim % c.n_heads != 0) {
    file.fail(fmt::format("dim is {}, expected a multiple of n_heads, {}", c.dim, c.n_heads));
  }
  if (!(c.norm_eps >= 0 && c.norm_eps < 1)) {
    file.fail(fmt::format("norm_eps is {}, expected 0 to 1", c.norm_eps));
  }
  if (!std::isfinite(c.t_scale)) {
    file.fail(fmt::format("t_scale is {}, expected a number", c.t_scale));
  }
  const auto patch = int64_t{c.f_patch_size} * c.patch_size * c.patch_size * c.in_channels;
  if (patch > 1 << 20) {
    file.fail(fmt::format("a patch has {} numbers, expected at most {}", patch, 1 << 20));
  }
}

void check_rope(const TransformerConfig& c, const ModelConfig& file) {
  constexpr size_t kImageAxes = 3;
  if (c.axes_dims.size() != kImageAxes || c.axes_lens.size() != kImageAxes) {
    file.fail(fmt::format(
        "axes_dims has {} entries and axes_lens {}, expected {} each",
        c.axes_dims.size(),
        c.axes_lens.size(),
        kImageAxes));
  }
  for (size_t i = 0; i < kImageAxes; ++i) {
    file.range("axes_dims", c.axes_dims[i], 0, kMostChannels);
    file.range("axes_lens", c.axes_lens[i], 1, kMostPositions);
    if (c.axes_dims[i] % 2 != 0) {
      file.fail(fmt::format("axes_dims has {}, expected even numbers", c.axes_dims[i]));
    }
  }
  const int sum = std::accumulate(c.axes_dims.begin(), c.axes_dims.end(), 0);
  if (sum != c.head_dim()) {
    file.fail(fmt::format(
        "axes_dims [{}] add up to {}, expected dim / n_heads, {}",
        fmt::join(c.axes_dims, ", "),
        sum,
        c.head_dim()));
  }
  if (!(c.rope_theta > 0 && std::isfinite(c.rope_theta))) {
    file.fail(fmt::format("rope_theta is {}, expected a positive number", c.rope_theta));
  }
}

} // namespace

int TransformerConfig::adaln_dim() const {
  constexpr int kMost = 256;
  return std::min(dim, kMost);
}

TransformerConfig parse_transformer_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"ZImageTransformer2DModel"});
  JsonReader& reader = file.reader();
  TransformerConfig c;
  c.patch_size = only_one(file, "all_patch_size", c.patch_size);
  c.f_patch_size = only_one(file, "all_f_patch_size", c.f_patch_size);
  c.in_channels = reader.get("in_channels", c.in_channels);
  c.dim = reader.get("dim", c.dim);
  c.n_layers = reader.get("n_layers", c.n_layers);
  c.n_refiner_layers = reader.get("n_refiner_layers", c.n_refiner_layers);
  c.n_heads = reader.get("n_heads", c.n_heads);
  reader.ignore("n_kv_heads"); // the reference takes n_heads for both
  c.norm_eps = reader.get("norm_eps", c.norm_eps);
  c.qk_norm = reader.get("qk_norm", c.qk_norm);
  c.cap_feat_dim = reader.get("cap_feat_dim", c.cap_feat_dim);
  c.rope_theta = reader.get("rope_theta", c.rope_theta);
  c.t_scale = reader.get("t_scale", c.t_scale);
  c.axes_dims = reader.get("axes_dims", c.axes_dims);
  c.axes_lens = reader.get("axes_lens", c.axes_lens);
  if (const auto siglip = reader.maybe<int>("siglip_feat_dim")) {
    file.fail(fmt::format(
        "siglip_feat_dim is {}: this is the Omni variant, which is not implemented", *siglip));
  }
  check_sizes(c, file);
  check_rope(c, file);
  file.report_unknown();
  return c;
}

} // namespace mflux::z_image
