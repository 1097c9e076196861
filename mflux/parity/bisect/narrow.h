#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mflux/parity/bisect/survey.h"
#include "mflux/parity/compare.h"

namespace mflux::parity {

/// Where a round's two dumps part first, as compare() says it.
struct Found {
  std::string checkpoint;   ///< the reference's canonical name, with its step
  std::string module_class; ///< empty when unknown
  std::string verdict, owner, why;
  std::optional<double> error, input_error, gain; ///< absent when unknown or not finite
};

/// Nothing when no row fails that a survey could list.
std::optional<Found> found_in(const Comparison& comparison);

/// One capture of both sides, and what it said.
struct Round {
  std::vector<size_t> spots; ///< of the survey, captured
  std::string why;
  std::optional<Found> found;
  size_t compared = 0, failing = 0;
  double ref_seconds = 0, port_seconds = 0;
  uint64_t bytes = 0; ///< of both dumps on disk
};

struct Limits {
  uint64_t bytes = uint64_t{1} << 30; ///< of the tensors of both sides in a round
  size_t text = size_t{96} << 10;     ///< of the names: they must fit into a command line
};

/// The next round.
struct BisectPlan {
  std::vector<size_t> spots; ///< in order
  std::string why;
};

/// Nothing is left to be captured.
struct Conclusion {
  enum class Kind {
    passes,   ///< everything that is not inside a passing module was compared, and passes
    leaf,     ///< a module inside which nothing else runs
    own,      ///< a module whose inner modules are all right: its own forward
    between,  ///< an input: between two modules, in the forward of the one around
    unstable, ///< what failed in one round passed in the next
  };
  Kind kind = Kind::passes;
  std::string module; ///< that is bad, or whose input is; with its call and step
  std::string before; ///< for `between`: what ran last before it; empty when nothing did
  Found found;        ///< not for `passes`
};

std::string_view name_of(Conclusion::Kind kind);

/// What to capture next, or the end. Of a module whose inputs pass and whose output fails the
/// modules inside are captured; before an input that fails, what ran earlier; as many of them, and
/// as deep, as the limits allow, else every n-th. Every module is captured at most once for its own
/// sake, so it ends.
std::variant<BisectPlan, Conclusion> decide(
    const Survey& survey, const std::vector<Round>& rounds, const Limits& limits);

} // namespace mflux::parity
