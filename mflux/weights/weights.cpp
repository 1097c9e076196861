#include "mflux/weights/weights.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"
#include "mflux/weights/device.h"
#include "mflux/weights/lazy_array.h"

namespace mflux {
namespace {

/// MLX does not survive an allocation that fails.
void check_memory(double bytes) {
  if (const auto there = device_memory(); bytes > there.bytes) {
    throw Error(fmt::format(
        "{:.1f} GB are to be read and {} has {:.1f} GB of memory",
        bytes / 1e9,
        there.owner,
        there.bytes / 1e9));
  }
}

constexpr std::array kNames{
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors",
    "model.safetensors.index.json"};

std::vector<std::filesystem::path> weights_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const char* name : kNames) {
    if (std::filesystem::exists(folder / name)) {
      found.push_back(folder / name);
    }
  }
  return found;
}

} // namespace

bool holds_weights(const std::filesystem::path& folder) {
  return !weights_files(folder).empty();
}

mx::array to_array(const artifacts::Tensor& tensor) {
  check_memory(static_cast<double>(tensor.byte_count()));
  mx::array array = lazy_array(
      array_shape(tensor.shape),
      array_dtype(tensor.dtype),
      [&tensor] { return tensor; },
      Memory::copied);
  array.eval();
  return array;
}

std::filesystem::path weights_file(const std::filesystem::path& folder) {
  const auto found = weights_files(folder);
  if (found.empty()) {
    throw Error(fmt::format(
        "{} holds no weights, expected {}, {} or a sharded checkpoint's index",
        folder.string(),
        kNames[0],
        kNames[2]));
  }
  if (found.size() > 1) {
    throw Error(fmt::format(
        "{} holds both {} and {}; keep the one that is meant",
        folder.string(),
        found[0].filename().string(),
        found[1].filename().string()));
  }
  return found.front();
}

Weights read_weights(const std::filesystem::path& file, mx::Dtype dtype) {
  const std::shared_ptr<const artifacts::Artifact> artifact = artifacts::open_artifact(file);
  Weights weights;
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    const auto& info = artifact->tensors()[i];
    const std::string where = fmt::format("{}: {}", file.string(), info.name);
    with_context(where, [&] {
      const auto read = [artifact, i, where] {
        return with_context(where, [&] { return artifact->load(i); });
      };
      weights.emplace(
          info.name,
          lazy_array(
              array_shape(info.shape),
              artifacts::is_floating(info.dtype) ? (array_dtype(info.dtype), dtype)
                                                 : array_dtype(info.dtype),
              read,
              Memory::shared));
    });
  }
  return weights;
}

void check_memory(const Schema& parameters, mx::Dtype dtype) {
  double bytes = 0;
  for (const auto& [name, shape] : parameters) {
    double size = static_cast<double>(dtype.size());
    for (const auto extent : shape) {
      size *= extent;
    }
    bytes += size;
  }
  check_memory(bytes);
}

} // namespace mflux
