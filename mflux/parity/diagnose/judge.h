#pragma once

#include <string>
#include <vector>

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// A hypothesis keeps when what it leaves is at most this part of the error …
inline constexpr double kMostLeft = 0.05;

/// … or is down at the floor, from at least this many times as much.
inline constexpr double kLeastFall = 4;

/// What leaves this many times more than the best is no rival to it.
inline constexpr double kMargin = 5;

/// A hypothesis applied: `after` is ‖port − predicted‖ / ‖predicted‖, over the elements that it was
/// not fitted on.
struct Proof {
  std::string id;
  double before = 0, after = 0;
  double runner_up = 0; ///< the least that a hypothesis of another, beaten id leaves
  double angle = 0;     ///< between prediction and port: what is left but for a scale
  bool holds = false;
  Prediction prediction; ///< its field is empty where nothing more can come of it
};

/// Of proofs that do not hold, so many keep their field: a second cause may stand on one.
inline constexpr size_t kMostPromising = 3;

/// Applies every hypothesis; those that apply, the best first: proven ones by how specific their
/// cause is where they leave about as little, then the others by what they leave.
std::vector<Proof> judge(const Case& at, const std::vector<Hypothesis>& hypotheses);

/// Of 1, by what is left, by the margin to the runner-up and by how much was compared.
double confidence_of(const Proof& proof, const Case& at);

} // namespace mflux::parity
