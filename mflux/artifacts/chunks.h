#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "mflux/artifacts/bytes.h"
#include "mflux/artifacts/tensor.h"

namespace mflux::artifacts {

/// Calls `take(Bytes)` with the tensor's bytes in C order and native byte order, piece by piece.
template <typename Take>
void for_each_chunk(const Tensor& tensor, Take&& take) {
  if (tensor.is_contiguous()) {
    take(tensor.data());
    return;
  }
  constexpr size_t kChunk = size_t{4} << 20;
  const auto step = static_cast<int64_t>(kChunk / size_of(tensor.dtype));
  const int64_t count = tensor.count();
  std::vector<std::byte> buffer(std::min(kChunk, tensor.byte_count()));
  for (int64_t at = 0; at < count; at += step) {
    const int64_t end = std::min(count, at + step);
    copy_elements(tensor, at, end, buffer.data());
    take(Bytes(buffer).first(static_cast<size_t>(end - at) * size_of(tensor.dtype)));
  }
}

} // namespace mflux::artifacts
