#pragma once

#include <cmath>
#include <string>

#include "mflux/capture/tensors.h"
#include "mflux/weights/scope.h"
#include "mlx/mlx.h"
#include "support/fixture.h"

namespace mflux::testing {

/// Numbers about `mean`, of that type.
inline mx::array normal(
    const mx::Shape& shape, mx::Dtype dtype, float mean = 0, float deviation = 1) {
  auto x = mx::astype(mx::random::normal(shape, mx::float32, mean, deviation), dtype);
  x.eval();
  return x;
}

/// Of two arrays of any type, in float64.
inline double relative_error(const mx::array& got, const mx::array& want) {
  const auto wide = [](const mx::array& x) {
    return capture::to_tensor(mx::contiguous(mx::astype(x, mx::float32)));
  };
  return relative_l2(wide(got), wide(want));
}

/// A model of random weights, scaled so that activations keep their size.
template <typename Model, typename... Args>
Model random_model(mx::Dtype dtype, const Args&... args) {
  Weights weights;
  for (const auto& [name, shape] : schema_of<Model>(args...)) {
    int inputs = 1;
    for (size_t i = 1; i < shape.size(); ++i) {
      inputs *= shape[i];
    }
    const bool is_vector = shape.size() == 1;
    weights.insert_or_assign(
        name,
        is_vector ? normal(shape, dtype, 0.7f, 0.3f)
                  : normal(shape, dtype, 0, 1 / std::sqrt(static_cast<float>(inputs))));
  }
  return Model(Loader(std::move(weights)).root(), args...);
}

} // namespace mflux::testing
