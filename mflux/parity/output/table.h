#pragma once

#include <string>

#include "mflux/parity/compare.h"

namespace mflux::parity {

struct TableOptions {
  bool coloured = false;
  bool all = false; ///< every row, however many pass
};

/// A comparison for people: what differs between the runs, the rows that fail, the first divergence
/// with values of both sides, the rows that pass (folded when they are many), the verdict last.
std::string format_table(const Comparison& comparison, const TableOptions& options);

/// Its last line alone: the verdict and the count of each.
std::string format_verdict(const Comparison& comparison, bool coloured);

} // namespace mflux::parity
