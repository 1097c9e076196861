#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/ports/results.h"

namespace mflux::ports {

/// How far a component is: each includes those before it, but for `loads`, which what matches has
/// shown without a schema too.
enum class State { declared, loads, matches, locked, optimised };

std::string name_of(State state);

/// What the records of a component prove today. Records that failed, or are older than the code
/// that they cover, prove nothing and are problems.
struct ComponentStatus {
  ComponentFile component;
  State state = State::declared;
  std::vector<Record> schemas{}, parity{}, speed{}, memory{}; ///< those that prove something
  std::vector<std::string> locked_by{};                       ///< tests of the committed fixtures
  std::vector<std::string> problems{};                        ///< what --check fails for

  /// The record of `parity` with the largest error; null when there is none.
  const Record* worst() const;
};

struct PortStatus {
  PortFile port;
  std::vector<ComponentStatus> components;
  std::vector<std::string> problems; ///< of the port itself
};

/// Every port of a checkout. `registered` are the names that `mflux port run` knows: one without a
/// port.toml is a problem, and so is a port.toml without one. Throws Error for files that cannot be
/// read.
struct Status {
  std::vector<PortStatus> ports;
  std::vector<std::string> problems; ///< of none of them

  /// All problems, in order, each beginning with the port and the component that it is of.
  std::vector<std::string> all_problems() const;
};

Status status_of(const std::filesystem::path& checkout, const std::vector<std::string>& registered);

} // namespace mflux::ports
