#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mflux/parity/dumps/names.h"

namespace mflux::parity {

/// What is known of a checkpoint before its place in the run is.
struct OrderItem {
  const Name* name = nullptr;
  uint64_t hash = 0;        ///< of the reference's values
  bool distinctive = false; ///< equal hashes mean the same tensor: neither constant nor tiny
};

struct InferredOrder {
  std::vector<size_t> order; ///< indices of items, first to last
  size_t links = 0;          ///< equal tensors (X's output = Y's input) that helped
  size_t open = 0;           ///< modules whose children's order rests on their names alone
};

/// Infers an execution order from steps, well-known names, module nesting (a child before its
/// parent, .in before the output), equal tensors, then natural sorting.
InferredOrder infer_order(const std::vector<OrderItem>& items);

} // namespace mflux::parity
