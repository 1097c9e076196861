#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/weights/check.h"
#include "support/measured.h"

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

/// Expects the declared parameters to be the published model's, and records that.
/// `file` is the committed list of names and shapes that `published` was read from.
inline void expect_published(
    const Schema& declared, const Schema& published, const std::filesystem::path& file) {
  EXPECT_EQ(declared, published);
  write_measurement(
      {.kind = ports::Measurement::Kind::schema,
       .what = in_checkout(file),
       .passed = declared == published,
       .count = static_cast<int64_t>(declared.size())});
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
