#pragma once

#include <cstdint>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/weights/check.h"

namespace mflux::testing {

/// The tensors of a committed schema file: names and shapes.
inline Schema schema_in(const Json& file) {
  Schema schema;
  for (const auto& [name, shape] : file.at("tensors").items()) {
    const auto extents = shape.get<std::vector<int>>();
    schema.emplace(name, mx::Shape(extents.begin(), extents.end()));
  }
  return schema;
}

inline int64_t parameters_of(const Schema& schema) {
  int64_t parameters = 0;
  for (const auto& [name, shape] : schema) {
    int64_t count = 1;
    for (const int extent : shape) {
      count *= extent;
    }
    parameters += count;
  }
  return parameters;
}

} // namespace mflux::testing
