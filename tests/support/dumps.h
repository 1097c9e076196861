#pragma once

#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "mflux/artifacts/write.h"

namespace mflux::testing {

template <typename T>
artifacts::Tensor tensor_of(
    artifacts::Dtype dtype, artifacts::Shape shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return artifacts::make_tensor(dtype, std::move(shape), std::move(bytes));
}

inline artifacts::Tensor floats(artifacts::Shape shape, const std::vector<float>& values) {
  return tensor_of(artifacts::Dtype::float32, std::move(shape), values);
}

/// A row of normal numbers, the same for the same seed.
inline std::vector<float> normal(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (auto& value : values) {
    value = distribution(generator);
  }
  return values;
}

inline artifacts::NamedTensor row(const std::string& name, const std::vector<float>& values) {
  return {name, floats({static_cast<int64_t>(values.size())}, values)};
}

/// The elements in C order, as they lie in memory.
inline std::vector<uint8_t> bytes_of(const artifacts::Tensor& tensor) {
  const auto plain = tensor.contiguous();
  const auto* first = reinterpret_cast<const uint8_t*>(plain.data().data());
  return {first, first + plain.byte_count()};
}

} // namespace mflux::testing
