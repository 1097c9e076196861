#include "mflux/weights/scan.h"

#include <algorithm>
#include <cstring>

#include "mflux/artifacts/artifact.h"

namespace mflux {
namespace {

using artifacts::Dtype;

constexpr size_t kWindow = size_t{4} << 20;

/// The bits that are all set in NaN and infinity; 0 for integers.
uint64_t exponent_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float8_e4m3:
      return 0x7f; // no infinities, one NaN
    case Dtype::float8_e5m2:
      return 0x7c;
    case Dtype::float16:
      return 0x7c00;
    case Dtype::bfloat16:
      return 0x7f80;
    case Dtype::float32:
    case Dtype::complex64:
      return 0x7f800000;
    case Dtype::float64:
    case Dtype::complex128:
      return 0x7ff0000000000000;
    default:
      return 0;
  }
}

template <typename Bits>
void add(std::span<const std::byte> bytes, uint64_t wide_exponent, Scan& out) {
  const auto exponent = static_cast<Bits>(wide_exponent);
  // The sign of a floating-point zero does not count.
  const auto value = static_cast<Bits>(exponent ? static_cast<Bits>(~Bits{0}) >> 1 : ~Bits{0});
  int64_t zeros = 0, nonfinite = 0;
  for (size_t at = 0; at < bytes.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + at, sizeof bits);
    zeros += (bits & value) == 0;
    nonfinite += exponent != 0 && (bits & exponent) == exponent;
  }
  out.zeros += zeros;
  out.nonfinite += nonfinite;
}

} // namespace

Scan scan(const artifacts::Tensor& tensor) {
  const auto plain = tensor.contiguous();
  const auto bytes = plain.data();
  const uint64_t exponent = exponent_of(plain.dtype);
  const size_t size =
      artifacts::size_of(plain.dtype) / (artifacts::is_complex(plain.dtype) ? 2 : 1);
  Scan out;
  for (size_t at = 0; at < bytes.size(); at += kWindow) {
    const auto window = bytes.subspan(at, std::min(kWindow, bytes.size() - at));
    switch (size) {
      case 1:
        add<uint8_t>(window, exponent, out);
        break;
      case 2:
        add<uint16_t>(window, exponent, out);
        break;
      case 4:
        add<uint32_t>(window, exponent, out);
        break;
      default:
        add<uint64_t>(window, exponent, out);
    }
    plain.storage->done_with(plain.offset + at, plain.offset + at + window.size());
  }
  return out;
}

std::optional<NonFiniteTensor> find_nonfinite(const std::filesystem::path& weights_file) {
  const auto artifact = artifacts::open_artifact(weights_file);
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    const auto tensor = artifact->load(i);
    if (const auto found = scan(tensor); found.nonfinite > 0) {
      return NonFiniteTensor{artifact->tensors()[i].name, found.nonfinite, tensor.count()};
    }
  }
  return std::nullopt;
}

} // namespace mflux
