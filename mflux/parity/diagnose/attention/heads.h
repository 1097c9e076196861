#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// Values of an attention as [batch, tokens, heads, width], C order.
struct Heads {
  int64_t batch = 0, tokens = 0, heads = 0, width = 0;
  std::vector<double> values;

  int64_t index(int64_t b, int64_t t, int64_t h) const {
    return ((b * tokens + t) * heads + h) * width;
  }

  const double* at(int64_t b, int64_t t, int64_t h) const {
    return values.data() + index(b, t, h);
  }

  double* at(int64_t b, int64_t t, int64_t h) {
    return values.data() + index(b, t, h);
  }
};

/// Zeros.
Heads heads_of(int64_t batch, int64_t tokens, int64_t heads, int64_t width);

/// [batch, tokens, heads * width], or with heads first after the batch.
enum class HeadLayout { tokens_first, heads_first };

/// Reads [B,T,H*D] and [T,H*D] (tokens first only), [B,T,H,D] or [B,H,T,D]; nothing when the shape
/// does not fit.
std::optional<Heads> heads_of(const Field& field, int64_t width, HeadLayout layout);

/// The same values as a field of `like`'s shape: the way back.
Field field_of(const Heads& heads, const artifacts::Shape& like, HeadLayout layout);

/// One after the other along the tokens; batch, heads and width agree.
Heads joined(const Heads& first, const Heads& second);

/// Along the tokens, or along the last axis.
Heads cut_tokens(const Heads& from, int64_t begin, int64_t count);
Field cut_channels(const Field& from, int64_t begin, int64_t count);

} // namespace mflux::parity
