#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/json.h"

namespace mflux::artifacts {

/// Files that NumPy, ml_dtypes, safetensors, torch and huggingface_hub wrote; manifest.json says
/// what they hold. Generator: tools/reference/fixtures/artifacts.py.
inline std::filesystem::path golden(const std::string& file) {
  return std::filesystem::path(MFLUX_SOURCE_DIR "/tests/fixtures/artifacts") / file;
}

inline const Json& golden_manifest() {
  static const Json manifest = read_json(golden("manifest.json"));
  return manifest;
}

/// The names of the golden files that the readers must accept.
inline std::vector<std::string> golden_files() {
  std::vector<std::string> out;
  for (const auto& file : golden_manifest().at("files")) {
    out.push_back(file.at("file"));
  }
  return out;
}

inline std::vector<std::byte> bytes_of_hex(const std::string& hex) {
  std::vector<std::byte> out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline std::vector<std::byte> bytes_of(const Tensor& tensor) {
  const Tensor plain = tensor.contiguous();
  return {plain.data().begin(), plain.data().end()};
}

} // namespace mflux::artifacts
