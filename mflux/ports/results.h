#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/ports/measurement.h"
#include "mflux/ports/port_file.h"

namespace mflux::ports {

/// A measurement as it is kept, with the code that it covers.
struct Record {
  Measurement measured;
  std::string commit; ///< the checkout's when it was measured; "+" behind it: and changes
  std::string code;   ///< code_hash() of then
};

/// The hash that a record of this component must have to be about today's code, test and fixture
/// (`what`, where that is a path). Throws Error for code that does not exist.
std::string code_hash(
    const std::filesystem::path& checkout, const ComponentFile& component, const Measurement& one);

/// FOLDER/results/COMPONENT.json: what is proven of a component; none when it does not exist.
/// Throws Error.
std::vector<Record> read_records(
    const std::filesystem::path& checkout, const PortFile& port, const ComponentFile& component);

/// What `record` did: the files written and how many measurements went into them.
struct Recorded {
  std::vector<std::filesystem::path> files;
  size_t measurements = 0;
  std::vector<std::string> unclaimed; ///< tests that no port.toml names
};

/// Puts the measurements into the results of the components whose `tests` name them. What a test
/// measured before is replaced, also when it measured other things then; records of other tests
/// stay. Throws Error, before anything is written, when `folder` holds none.
Recorded record(
    const std::filesystem::path& checkout,
    const std::filesystem::path& folder,
    const std::string& commit);

} // namespace mflux::ports
