#pragma once

#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// Of which slice of the reference each of the port's slices along an axis is: a permutation.
struct SliceOrder {
  int64_t axis = 0;
  std::vector<int64_t> source;
};

/// Slices that follow each other on both sides.
struct SliceRun {
  int64_t begin = 0, count = 0; ///< in the reference
};

/// In the port's order.
std::vector<SliceRun> runs_of(const SliceOrder& order);

/// The element of the reference that stands at the port's element `i`.
int64_t source_of(const SliceOrder& order, const artifacts::Shape& shape, int64_t i);

/// The field with its slices moved.
Field with_slices(const Field& field, const SliceOrder& order);

/// Matches slices by some of their elements; empty when a slice of the port is none of the
/// reference's, or the same as another.
std::vector<int64_t> match_slices(const Case& at, int64_t axis);

} // namespace mflux::parity
