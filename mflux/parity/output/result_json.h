#pragma once

#include <string>

#include "mflux/base/json.h"
#include "mflux/parity/compare.h"

namespace mflux::parity {

/// A comparison as one JSON object, schema 1 (docs/PARITY.md). Always valid JSON: what is not
/// finite is null.
std::string to_json(const Comparison& comparison);

/// The same object before it is text. Strings may hold any bytes, numbers may be infinite.
Json json_of(const Comparison& comparison);

/// One of its checkpoints. Strings may hold any bytes.
Json row_json(const Row& row);

/// The object "picture" of a row.
Json to_json(const PictureMetrics& metrics);

} // namespace mflux::parity
