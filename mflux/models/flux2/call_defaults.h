#pragma once

#include <filesystem>
#include <vector>

namespace mflux::flux2 {

/// How a klein model wants to be called, as the arguments of Flux2KleinPipeline.__call__.
struct CallDefaults {
  int width = 1024, height = 1024;
  int steps = 4;
  double guidance = 1;
  int max_sequence_length = 512;
  std::vector<int> text_encoder_out_layers{9, 18, 27};
};

/// What the folder's call.json says; what it does not say, or all without one, is the published
/// models' rule: 4 steps without guidance for distilled models, else 50 with guidance 4. Throws
/// Error on unknown keys and values out of range.
CallDefaults read_call_defaults(const std::filesystem::path& folder, bool is_distilled);

} // namespace mflux::flux2
