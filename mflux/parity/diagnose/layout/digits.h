#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// x.reshape(sizes).transpose(order), flat.
struct Digits {
  artifacts::Shape sizes;
  std::vector<int64_t> order;
};

/// Elements moved by one Digits after the other.
using Rearrangement = std::vector<Digits>;

/// The sizes in the order in which they stand afterwards.
artifacts::Shape permuted_sizes(const Digits& digits);

/// What undoes it.
Digits inverse(const Digits& digits);

/// The same with no axis of 1, and with axes that stay neighbours taken as one.
Digits simplified(const Digits& digits);

/// Where the element that ends up at flat index `i` comes from.
int64_t source_of(const Digits& digits, int64_t i);
int64_t source_of(const Rearrangement& steps, int64_t i);

/// The field's values moved; they keep the field's shape.
Field rearranged(const Field& field, const Rearrangement& steps);

/// The chain of transforms that leads back to a tensor of `shape` from one of `from` that was
/// rearranged: "reshape 1,64,4,12 | permute 0,2,1,3 | reshape 1,4,64,12".
std::string chain_back(
    const Rearrangement& steps, const artifacts::Shape& from, const artifacts::Shape& shape);

} // namespace mflux::parity
