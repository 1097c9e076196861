#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// Elements that are read and compared at a time: two tiles and their by-products fit the L1 cache.
inline constexpr int64_t kTile = 4096;

/// Elements that one thread takes at a time, and the window behind which pages are given back.
inline constexpr int64_t kChunk = 64 * kTile;

/// The type that holds every value of a dtype exactly: float for floating dtypes up to 32 bits,
/// double, int64_t, and uint64_t for what int64_t cannot hold.
enum class Domain : uint8_t { single, real, integer, natural };

/// Reads a tensor in C order, a tile at a time, in its domain. Complex numbers are two reals each.
/// One reader belongs to one thread.
class TileReader {
 public:
  explicit TileReader(const artifacts::Tensor& tensor);

  Domain domain() const {
    return domain_;
  }

  /// Whether float32 may hold values that were rounded to a narrower dtype: not when the stored one
  /// is narrower itself.
  bool may_be_narrower() const {
    return domain_ == Domain::real ||
           artifacts::size_of(tensor_.dtype) / static_cast<size_t>(parts_) == sizeof(float);
  }

  /// Reals in the whole tensor.
  int64_t count() const {
    return count_;
  }

  /// Makes [begin, begin + size) the current tile; `begin` is a multiple of kTile, size <= kTile.
  void load(int64_t begin, size_t size);

  /// The current tile; valid until the next load(), and only the one of domain() is.
  std::span<const float> singles() const {
    return {singles_, size_};
  }
  std::span<const double> reals() const {
    return {doubles_.data(), size_};
  }
  std::span<const int64_t> integers() const {
    return {reinterpret_cast<const int64_t*>(words_.data()), size_};
  }
  std::span<const uint64_t> naturals() const {
    return {words_.data(), size_};
  }

  /// The current tile as doubles; large integers are rounded.
  void promote(double* out) const;

  /// [begin, end) will not soon be read again.
  void done_with(int64_t begin, int64_t end) const;

 private:
  void convert(const std::byte* raw, size_t size);

  artifacts::Tensor tensor_;
  Domain domain_;
  int64_t parts_; ///< reals per element
  int64_t count_;
  bool plain_;    ///< the storage holds the elements as an array, in native byte order
  bool in_place_; ///< floats that can be read where they lie
  bool compact_;  ///< the elements follow each other in the storage
  size_t size_ = 0;
  const float* singles_ = nullptr;
  std::vector<std::byte> raw_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<uint64_t> words_; ///< of integers, in two's complement
};

} // namespace mflux::parity
