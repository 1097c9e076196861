#include "mflux/vae/kl/config_checks.h"

#include <fmt/format.h>

namespace mflux::kl {
namespace {

constexpr int kMostLevels = 8;

} // namespace

void check_channels(
    const ModelConfig& checks, const std::string& key, const std::vector<int>& values, int groups) {
  if (values.empty() || values.size() > kMostLevels) {
    checks.fail(
        fmt::format("{} has {} entries, expected 1 to {}", key, values.size(), kMostLevels));
  }
  for (const int value : values) {
    checks.range(key, value, 1, kMostChannels);
    if (value % groups != 0) {
      checks.fail(
          fmt::format("{} has {}, which norm_num_groups {} does not divide", key, value, groups));
    }
  }
}

void check_blocks(
    const ModelConfig& checks,
    const std::string& key,
    const std::vector<std::string>& types,
    const std::string& only,
    size_t levels) {
  for (const auto& type : types) {
    checks.same(key, type, only);
  }
  if (types.size() != levels) {
    checks.fail(fmt::format(
        "{} has {} entries and block_out_channels {}; they must agree", key, types.size(), levels));
  }
}

} // namespace mflux::kl
