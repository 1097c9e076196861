#include "mflux/artifacts/dtype.h"

#include <array>

namespace mflux::artifacts {
namespace {

enum class Kind : uint8_t { integral, floating, complex };

struct Facts {
  std::string_view name;
  uint8_t size;
  Kind kind;
};

/// In the order of the enumeration.
constexpr std::array<Facts, 17> kFacts{{
    {"bool", 1, Kind::integral},
    {"uint8", 1, Kind::integral},
    {"int8", 1, Kind::integral},
    {"uint16", 2, Kind::integral},
    {"int16", 2, Kind::integral},
    {"uint32", 4, Kind::integral},
    {"int32", 4, Kind::integral},
    {"uint64", 8, Kind::integral},
    {"int64", 8, Kind::integral},
    {"float8_e4m3", 1, Kind::floating},
    {"float8_e5m2", 1, Kind::floating},
    {"float16", 2, Kind::floating},
    {"bfloat16", 2, Kind::floating},
    {"float32", 4, Kind::floating},
    {"float64", 8, Kind::floating},
    {"complex64", 8, Kind::complex},
    {"complex128", 16, Kind::complex},
}};

const Facts& facts(Dtype dtype) {
  return kFacts[static_cast<size_t>(dtype)];
}

} // namespace

size_t size_of(Dtype dtype) {
  return facts(dtype).size;
}

std::string_view name_of(Dtype dtype) {
  return facts(dtype).name;
}

std::optional<Dtype> dtype_named(std::string_view name) {
  for (size_t i = 0; i < kFacts.size(); ++i) {
    if (kFacts[i].name == name) {
      return static_cast<Dtype>(i);
    }
  }
  return std::nullopt;
}

bool is_floating(Dtype dtype) {
  return facts(dtype).kind == Kind::floating;
}

bool is_complex(Dtype dtype) {
  return facts(dtype).kind == Kind::complex;
}

bool is_integral(Dtype dtype) {
  return facts(dtype).kind == Kind::integral;
}

} // namespace mflux::artifacts
