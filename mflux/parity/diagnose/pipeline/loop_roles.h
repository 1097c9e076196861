#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/scene.h"

namespace mflux::parity {

/// What a checkpoint is to the denoising loop, by its name.
enum class LoopRole {
  none,
  latents,    ///< after step `step`; `step` is 0 for the initial ones
  prediction, ///< of the model at step `step`, guided where there is guidance
  cond,
  uncond,
  sigmas,    ///< the whole schedule
  timesteps, ///< the whole schedule
  timestep,  ///< what the model is handed at step `step`
  guidance,
};

struct LoopName {
  LoopRole role = LoopRole::none;
  std::optional<int> step;
};

/// Reads the spellings of hand-made dumps too: noise_pred_step_03, step3/eps_uncond,
/// model_output.3, x_2, latents_initial, v; of modules: transformer@step=3 and its inputs,
/// scheduler.step. A step's number is taken as it stands, whether steps count from 0 or 1.
LoopName loop_name_of(const Name& name);

/// The checkpoints of the denoising loop. Latents without a step, before those that have one, are
/// the initial ones.
class LoopRows {
 public:
  explicit LoopRows(const Scene& scene);

  const LoopName& of(size_t row) const {
    return names_[row];
  }

  /// Rows of a role, in execution order; with a step, those of that step only.
  std::vector<size_t> all(LoopRole role, std::optional<int> step = std::nullopt) const;

 private:
  std::vector<LoopName> names_;
};

} // namespace mflux::parity
