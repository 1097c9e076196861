#include "mflux/ports/dump_use.h"

#include <fmt/format.h>

#include <array>
#include <sstream>
#include <string_view>

#include "mflux/base/atomic_file.h"

namespace mflux::ports {
namespace {

struct Sign {
  std::string_view text, why;
};

/// mflux/weights reads checkpoints, so these are looked for above it.
constexpr std::array kSigns{
    Sign{"#include \"mflux/artifacts/", "reads files of tensors"},
    Sign{"#include \"mflux/capture/inputs.h\"", "reads a dump"},
    Sign{"#include \"mflux/models/port_inputs.h\"", "reads a dump"},
    Sign{"mx::load", "reads a file of tensors"},
    Sign{"mlx::core::load", "reads a file of tensors"},
    Sign{".npy\"", "names a file of tensors"},
    Sign{".npz\"", "names a file of tensors"},
    Sign{".pt\"", "names a file of tensors"},
    Sign{".safetensors\"", "names a file of tensors"},
};

/// models/port_vae.h, models/flux2/port.cpp and their like.
bool is_runner(const std::filesystem::path& file) {
  const auto name = file.stem().string();
  return file.string().starts_with("mflux/models/") &&
         (name == "port" || name.starts_with("port_"));
}

bool is_comment(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line.substr(first).starts_with("//");
}

} // namespace

std::vector<std::string> dump_uses(
    const std::filesystem::path& checkout, const std::set<std::string>& code) {
  std::vector<std::string> found;
  for (const auto& file : code) {
    if (is_runner(file) || file.starts_with("mflux/weights/")) {
      continue;
    }
    std::istringstream text(read_file(checkout / file));
    int number = 1;
    for (std::string line; std::getline(text, line); ++number) {
      for (const auto& sign : kSigns) {
        if (!is_comment(line) && line.find(sign.text) != std::string::npos) {
          found.push_back(fmt::format(
              "{}:{}: {}; only a component's runner (port_*.cpp) may", file, number, sign.why));
        }
      }
    }
  }
  return found;
}

} // namespace mflux::ports
