#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mflux::parity {

/// Where a well-known pipeline checkpoint or component stands in a run: first by phase (5 is the
/// denoising loop, ordered by step), then by rank. Unknown names stand in the middle.
struct PipelinePlace {
  int phase, rank;
};

inline constexpr int kLoopPhase = 5;

PipelinePlace place_of(std::string_view name);

/// What a pipeline checkpoint or a component's inputs are made from: the names of other pipeline
/// checkpoints and components, of the same step, or of the step before when they end in "-1".
std::vector<std::string> made_from(std::string_view name);

} // namespace mflux::parity
