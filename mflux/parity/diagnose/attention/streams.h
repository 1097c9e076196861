#pragma once

#include <array>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/attention/roles.h"
#include "mflux/parity/diagnose/attention/sdpa.h"

namespace mflux::parity {

/// One way to read the tensors of an attention.
struct Reading {
  int64_t width = 0; ///< of a head
  HeadLayout layout = HeadLayout::tokens_first;
  bool added_first = true; ///< text before image
};

/// Of joint tokens, how many come from the stream that stands first; 0 when there is but one.
struct Joining {
  int64_t first = 0;
};

struct Streamed {
  Projections parts;
  Joining joining;
};

/// What an attention's roles hold.
class Streams {
 public:
  Streams(const Case& at, const AttentionRoles& roles) : at_(at), roles_(roles) {}

  std::vector<Reading> readings() const;

  /// Nothing when the shapes do not allow that reading.
  std::optional<Streamed> read(const Reading& reading, Side side) const;

 private:
  std::optional<Projections> read(
      const StreamRoles& roles, const Reading& reading, Side side) const;
  std::vector<int64_t> widths() const;

  const Case& at_;
  const AttentionRoles& roles_;
};

} // namespace mflux::parity
