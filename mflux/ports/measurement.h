#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux::ports {

/// What one test or benchmark measured: written by it, never by hand.
struct Measurement {
  enum class Kind {
    schema,  ///< the declared parameters are the published model's
    fixture, ///< a committed dump of the reference, every checkpoint
    live,    ///< the reference itself, run beside the port on a model drawn anew
    speed,   ///< a time
    memory   ///< a run's peak
  };

  Kind kind = Kind::schema;
  std::string test{};   ///< ctest's name of the test, or the benchmark's file
  std::string source{}; ///< its file, relative to the checkout
  std::string what{};   ///< the fixture, the seed or the size that it was measured with
  std::string date{};   ///< 2026-11-24
  bool passed = false;

  int64_t count = 0;       ///< of tensors (schema) or checkpoints (fixture, live)
  double rel_l2 = 0;       ///< the largest of all checkpoints; infinite where one side is not
                           ///< finite or of another shape
  std::string worst{};     ///< that checkpoint
  double milliseconds = 0; ///< of speed
  double ratio = 0;        ///< of memory: peak over estimate
};

std::string name_of(Measurement::Kind kind);

/// Throws Error on what is no measurement.
Measurement parse_measurement(const Json& json, const std::string& where);

Json to_json(const Measurement& measurement);

/// All *.json of a folder that tests and benchmarks wrote while MFLUX_RECORD named it, by name.
/// Throws Error when it is no folder or a file is no measurement.
std::vector<Measurement> read_measurements(const std::filesystem::path& folder);

} // namespace mflux::ports
