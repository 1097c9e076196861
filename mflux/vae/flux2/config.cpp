#include "mflux/vae/flux2/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/base/log.h"

namespace mflux::flux2 {
namespace {

/// Far above any model; keeps products of two sizes within an int.
constexpr int kMostChannels = 1 << 14, kMostLevels = 8, kMostLayers = 64;

struct Checks {
  std::string where;

  void range(const std::string& key, int value, int most) const {
    if (value < 1 || value > most) {
      fail(fmt::format("{} is {}, expected 1 to {}", key, value, most));
    }
  }

  void same(const std::string& key, const std::string& value, const std::string& only) const {
    if (value != only) {
      fail(fmt::format("{} is \"{}\", but only \"{}\" is implemented", key, value, only));
    }
  }

  void channels(const std::string& key, const std::vector<int>& values, int groups) const {
    if (values.empty() || values.size() > kMostLevels) {
      fail(fmt::format("{} has {} entries, expected 1 to {}", key, values.size(), kMostLevels));
    }
    for (const int value : values) {
      range(key, value, kMostChannels);
      if (value % groups != 0) {
        fail(
            fmt::format("{} has {}, which norm_num_groups {} does not divide", key, value, groups));
      }
    }
  }

  void blocks(
      const std::string& key,
      const std::vector<std::string>& types,
      const std::string& only,
      size_t levels) const {
    for (const auto& type : types) {
      same(key, type, only);
    }
    if (types.size() != levels) {
      fail(fmt::format(
          "{} has {} entries and block_out_channels {}; they must agree",
          key,
          types.size(),
          levels));
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("{}: {}", where, what));
  }
};

constexpr const char* kClass = "AutoencoderKLFlux2";

std::string shortened(const std::string& key) {
  constexpr size_t kMost = 60;
  if (key.size() <= kMost) {
    return key;
  }
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xc0) == 0x80) {
    --end; // not within a character
  }
  return key.substr(0, end) + "…";
}

[[noreturn]] void fail_class(const Checks& checks, const std::string& name) {
  checks.fail(fmt::format("this is the config of a {}, expected {}", shortened(name), kClass));
}

/// transformers writes "architectures" where diffusers writes "_class_name".
void check_class(JsonReader& reader, const Json& json, const Checks& checks) {
  if (const auto name = reader.maybe<std::string>("_class_name")) {
    if (*name != kClass) {
      fail_class(checks, *name);
    }
    return;
  }
  if (const auto list = json.find("architectures"); list != json.end()) {
    const bool is_named = list->is_array() && !list->empty() && list->front().is_string();
    fail_class(checks, is_named ? list->front().get<std::string>() : "model of transformers");
  }
}

/// One warning for all; without a class's name, unknown keys alone are another model's.
void report_unknown(const JsonReader& reader, const Json& json, const Checks& checks) {
  constexpr size_t kMostNamed = 10;
  const auto keys = reader.unknown_keys();
  if (keys.empty()) {
    return;
  }
  const auto own = std::count_if(json.items().begin(), json.items().end(), [](const auto& item) {
    return !item.key().starts_with('_');
  });
  if (!reader.has("_class_name") && keys.size() == static_cast<size_t>(own)) {
    checks.fail(fmt::format("none of its keys is one of an {}'s", kClass));
  }
  std::string text;
  for (size_t i = 0; i < std::min(keys.size(), kMostNamed); ++i) {
    text += fmt::format("{}\"{}\"", i ? ", " : "", shortened(keys[i]));
  }
  if (keys.size() > kMostNamed) {
    text += fmt::format(" and {} more", keys.size() - kMostNamed);
  }
  const bool is_one = keys.size() == 1;
  log(LogLevel::warning,
      fmt::format(
          "{}: the key{} {} {} unknown",
          checks.where,
          is_one ? "" : "s",
          text,
          is_one ? "is" : "are"));
}

void check(const VaeConfig& c, const Checks& checks) {
  checks.range("in_channels", c.in_channels, kMostChannels);
  checks.range("out_channels", c.out_channels, kMostChannels);
  checks.range("latent_channels", c.latent_channels, kMostChannels);
  checks.range("layers_per_block", c.layers_per_block, kMostLayers);
  checks.range("norm_num_groups", c.norm_num_groups, kMostChannels);
  checks.channels("block_out_channels", c.block_out_channels, c.norm_num_groups);
  if (!c.decoder_block_out_channels.empty()) {
    checks.channels("decoder_block_out_channels", c.decoder_block_out_channels, c.norm_num_groups);
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
  JsonReader reader(json, where);
  const Checks checks{where};
  check_class(reader, json, checks);

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
  check(c, checks);

  const std::string down = "DownEncoderBlock2D", up = "UpDecoderBlock2D";
  const std::vector<std::string> four_down(4, down), four_up(4, up);
  const size_t levels = c.block_out_channels.size();
  checks.blocks("down_block_types", reader.get("down_block_types", four_down), down, levels);
  checks.blocks("up_block_types", reader.get("up_block_types", four_up), up, levels);
  checks.same("act_fn", reader.get<std::string>("act_fn", "silu"), "silu");
  if (reader.get("patch_size", std::vector<int>{kPatch, kPatch}) != std::vector{kPatch, kPatch}) {
    checks.fail("patch_size is not [2, 2], which is all that the klein pipeline knows");
  }
  reader.ignore("batch_norm_momentum"); // of training
  reader.ignore("sample_size");         // of tiling
  report_unknown(reader, json, checks);
  return c;
}

} // namespace mflux::flux2
