#include "mflux/artifacts/seen.h"

#include <fmt/format.h>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {

std::optional<std::vector<SeenCheckpoint>> read_seen(const std::filesystem::path& manifest) {
  const Json json = read_json(manifest);
  const auto list = json.is_object() ? json.find("seen") : json.end();
  if (list == json.end() || list->is_null()) {
    return std::nullopt;
  }
  std::vector<SeenCheckpoint> seen;
  for (const auto& entry : *list) {
    if (!list->is_array() || !entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
        !entry[1].is_number_unsigned()) {
      throw Error(fmt::format("{}: \"seen\" must be a list of [name, bytes]", manifest.string()));
    }
    seen.push_back({entry[0].get<std::string>(), entry[1].get<uint64_t>()});
  }
  return seen;
}

void write_seen(
    const std::filesystem::path& path,
    const Manifest& manifest,
    const std::vector<SeenCheckpoint>& seen) {
  Json list = Json::array();
  for (const auto& [name, bytes] : seen) {
    list.push_back({name, bytes});
  }
  const Json out{
      {"schema", 1},
      {"run", manifest.run},
      {"framework", manifest.framework},
      {"device", manifest.device},
      {"compute_dtype", manifest.compute_dtype},
      {"seed", manifest.seed},
      {"checkpoints", Json::array()},
      {"seen", std::move(list)}};
  write_file(path, out.dump(1) + "\n");
}

} // namespace mflux::artifacts
