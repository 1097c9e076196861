#include "mflux/weights/weights.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"
#include "mflux/base/memory.h"

namespace mflux {
namespace {

using artifacts::Dtype;

mx::Shape to_shape(const artifacts::Shape& shape) {
  mx::Shape out;
  for (const int64_t extent : shape) {
    if (extent > std::numeric_limits<mx::ShapeElem>::max()) {
      throw Error(
          fmt::format("the shape {} is more than MLX can hold", artifacts::to_string(shape)));
    }
    out.push_back(static_cast<mx::ShapeElem>(extent));
  }
  return out;
}

/// MLX does not survive an allocation that fails.
void check_memory(double bytes) {
  if (const auto there = static_cast<double>(physical_memory()); bytes > there) {
    throw Error(fmt::format(
        "{:.1f} GB are to be read and this machine has {:.1f} GB of memory",
        bytes / 1e9,
        there / 1e9));
  }
}

template <typename T>
mx::array copied(const artifacts::Tensor& tensor, mx::Dtype dtype) {
  return mx::array(reinterpret_cast<const T*>(tensor.data().data()), to_shape(tensor.shape), dtype);
}

template <>
mx::array copied<double>(const artifacts::Tensor& tensor, mx::Dtype) {
  const auto* from = reinterpret_cast<const double*>(tensor.data().data());
  const std::vector<float> values(from, from + tensor.count());
  return mx::array(values.data(), to_shape(tensor.shape), mx::float32);
}

} // namespace

mx::array to_array(const artifacts::Tensor& tensor) {
  check_memory(static_cast<double>(tensor.byte_count()));
  const artifacts::Tensor plain = tensor.contiguous();
  switch (plain.dtype) {
    case Dtype::boolean:
      return copied<bool>(plain, mx::bool_);
    case Dtype::uint8:
      return copied<uint8_t>(plain, mx::uint8);
    case Dtype::int8:
      return copied<int8_t>(plain, mx::int8);
    case Dtype::uint16:
      return copied<uint16_t>(plain, mx::uint16);
    case Dtype::int16:
      return copied<int16_t>(plain, mx::int16);
    case Dtype::uint32:
      return copied<uint32_t>(plain, mx::uint32);
    case Dtype::int32:
      return copied<int32_t>(plain, mx::int32);
    case Dtype::uint64:
      return copied<uint64_t>(plain, mx::uint64);
    case Dtype::int64:
      return copied<int64_t>(plain, mx::int64);
    case Dtype::float16:
      return copied<mx::float16_t>(plain, mx::float16);
    case Dtype::bfloat16:
      return copied<mx::bfloat16_t>(plain, mx::bfloat16);
    case Dtype::float32:
      return copied<float>(plain, mx::float32);
    case Dtype::float64:
      return copied<double>(plain, mx::float32);
    case Dtype::complex64:
      return copied<mx::complex64_t>(plain, mx::complex64);
    default:
      throw Error(fmt::format(
          "{} tensors cannot be computed with; convert them to bfloat16 or float32",
          artifacts::name_of(plain.dtype)));
  }
}

std::filesystem::path weights_file(const std::filesystem::path& folder) {
  constexpr std::array kNames{
      "diffusion_pytorch_model.safetensors",
      "diffusion_pytorch_model.safetensors.index.json",
      "model.safetensors",
      "model.safetensors.index.json"};
  std::vector<std::filesystem::path> found;
  for (const char* name : kNames) {
    if (std::filesystem::exists(folder / name)) {
      found.push_back(folder / name);
    }
  }
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

Weights read_weight_shapes(const std::filesystem::path& file) {
  const auto artifact = artifacts::open_artifact(file);
  Weights weights;
  for (const auto& info : artifact->tensors()) {
    with_context(fmt::format("{}: {}", file.string(), info.name), [&] {
      const auto dtype = artifacts::is_floating(info.dtype)  ? mx::float32
                         : artifacts::is_complex(info.dtype) ? mx::complex64
                                                             : mx::int32;
      weights.emplace(info.name, mx::broadcast_to(mx::array(0, dtype), to_shape(info.shape)));
    });
  }
  return weights;
}

Weights read_weights(const std::filesystem::path& file, mx::Dtype dtype) {
  const auto artifact = artifacts::open_artifact(file);
  double bytes = 0;
  for (const auto& info : artifact->tensors()) {
    const size_t size =
        artifacts::is_floating(info.dtype) ? dtype.size() : artifacts::size_of(info.dtype);
    bytes += static_cast<double>(artifacts::element_count(info.shape)) * static_cast<double>(size);
  }
  with_context(file.string(), [&] { check_memory(bytes); });
  Weights weights;
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    const auto& info = artifact->tensors()[i];
    with_context(fmt::format("{}: {}", file.string(), info.name), [&] {
      const mx::array tensor = to_array(artifact->load(i));
      const bool floating = mx::issubdtype(tensor.dtype(), mx::floating);
      weights.emplace(info.name, floating ? mx::astype(tensor, dtype) : tensor);
    });
  }
  return weights;
}

} // namespace mflux
