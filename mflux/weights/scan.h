#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "mflux/artifacts/tensor.h"

namespace mflux {

/// What the bits of a tensor say; complex numbers count as two.
struct Scan {
  int64_t zeros = 0, nonfinite = 0;
};

/// Streams over the tensor once.
Scan scan(const artifacts::Tensor& tensor);

/// The first tensor of a checkpoint (file order) that holds NaN or infinity, and how many: to find
/// the culprit once a result is not finite. Throws Error when the file cannot be read.
struct NonFiniteTensor {
  std::string name;
  int64_t count = 0, of = 0;
};
std::optional<NonFiniteTensor> find_nonfinite(const std::filesystem::path& weights_file);

} // namespace mflux
