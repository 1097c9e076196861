#include "mflux/vae/flux2/config.h"

#include <fmt/format.h>

#include <vector>

namespace mflux::flux2 {
namespace {

void check_decoder(const VaeConfig& c, const ModelConfig& file) {
  const auto& channels = c.decoder_block_out_channels;
  if (channels.empty()) {
    return;
  }
  kl::check_channels(file, "decoder_block_out_channels", channels, c.norm_num_groups);
  if (channels.size() != c.block_out_channels.size()) {
    file.fail(fmt::format(
        "decoder_block_out_channels has {} entries and block_out_channels {}; they must agree",
        channels.size(),
        c.block_out_channels.size()));
  }
}

} // namespace

VaeConfig::VaeConfig() {
  block_out_channels = {128, 256, 512, 512};
  layers_per_block = 2;
  latent_channels = 32;
}

VaeConfig parse_vae_config(const Json& json, const std::string& where) {
  ModelConfig file(json, where, {"AutoencoderKLFlux2"});
  JsonReader& reader = file.reader();

  VaeConfig c;
  kl::read_common(file, c);
  c.decoder_block_out_channels =
      reader.maybe<std::vector<int>>("decoder_block_out_channels").value_or(std::vector<int>{});
  check_decoder(c, file);
  c.batch_norm_eps = reader.get("batch_norm_eps", c.batch_norm_eps);
  if (!(c.batch_norm_eps >= 0 && c.batch_norm_eps < 1e6)) {
    file.fail(fmt::format("batch_norm_eps is {}, expected 0 or more", c.batch_norm_eps));
  }
  if (reader.get("patch_size", std::vector<int>{kPatch, kPatch}) != std::vector{kPatch, kPatch}) {
    file.fail("patch_size is not [2, 2], which is all that the klein pipeline knows");
  }
  reader.ignore("batch_norm_momentum"); // of training
  file.report_unknown();
  return c;
}

} // namespace mflux::flux2
