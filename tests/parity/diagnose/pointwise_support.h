#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/diagnosed.h"

namespace mflux::testing {

using Values = std::vector<float>;

/// Random shapes of 2 to 4 axes, other ones for each seed.
inline artifacts::Shape shape_of(unsigned seed) {
  const std::vector<artifacts::Shape> shapes = {
      {37, 24}, {2, 17, 32}, {1, 40, 48}, {2, 12, 9, 7}, {1, 3, 30, 16}, {3, 16, 8, 8}};
  return shapes[seed % shapes.size()];
}

inline Values normal_like(const artifacts::Shape& shape, unsigned seed) {
  return normal(static_cast<size_t>(artifacts::element_count(shape)), seed);
}

/// The place of element i along an axis.
inline int64_t place(const artifacts::Shape& shape, int64_t i, size_t axis) {
  int64_t inner = 1;
  for (size_t a = axis + 1; a < shape.size(); ++a) {
    inner *= shape[a];
  }
  return i / inner % shape[axis];
}

/// The values with each one's function of itself and its place.
inline Values mapped(const Values& values, const std::function<double(double, int64_t)>& function) {
  Values out(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    out[i] = static_cast<float>(function(values[i], static_cast<int64_t>(i)));
  }
  return out;
}

/// The causes named for one checkpoint x, a port with float noise on it, or both in bfloat16.
inline std::vector<std::string> causes_of(
    const artifacts::Shape& shape, const Values& ref, const Values& port, bool in_bf16 = false) {
  const auto side = [&](const Values& values) {
    return std::vector<artifacts::NamedTensor>{{"x", floats(shape, values)}};
  };
  return in_bf16 ? diagnosed(side(in_bfloat16(ref)), side(in_bfloat16(port))).causes()
                 : diagnosed(side(ref), side(with_noise(port, 99))).causes();
}

} // namespace mflux::testing
