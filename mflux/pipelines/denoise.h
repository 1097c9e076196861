#pragma once

#include <functional>
#include <string>

#include "mflux/base/error.h"
#include "mflux/capture/taps.h"
#include "mflux/pipelines/pipeline.h"
#include "mflux/schedulers/flow_match_euler.h"

namespace mflux::pipelines {

/// What a family's loop is made of. Latents are packed tokens [batch, tokens, channels] or whatever
/// else the model is evaluated on.
struct Denoising {
  const Schedule& schedule;
  const Callbacks& callbacks;
  const capture::Taps& taps; ///< the pipeline's own
  /// The model's prediction, lazy. `timestep` is sigma · num_train_timesteps: [batch], of the
  /// latents' type.
  std::function<mx::array(const mx::array& latents, const mx::array& timestep)> predict;
  /// For previews: the picture that latents are.
  std::function<Image(const mx::array& latents)> picture{};
};

/// From noise to latents. A GPU is handed a step before the one ahead of it is waited for, checked
/// and reported, so that it never waits. Checkpoints: sigmas, timesteps, then
/// of each step timestep, what predict() records, noise_pred and latents. Throws Cancelled between
/// steps, and NotFinite.
mx::array denoise(const mx::array& latents, const Denoising& run);

/// sample + dt · prediction, in the prediction's type: dt is rounded to it (so torch multiplies a
/// tensor without axes by one with some), so is the product; the sum is of float32 and rounded
/// once. Reference: FlowMatchEulerDiscreteScheduler.step.
mx::array euler_step(const mx::array& sample, const mx::array& prediction, double dt);

/// Classifier-free guidance: unconditioned + scale · (conditioned − unconditioned), each operation
/// rounded to the predictions' type.
mx::array guide(const mx::array& conditioned, const mx::array& unconditioned, double scale);

/// sigma · noise + (1 − sigma) · image, in the image's type. Reference:
/// FlowMatchEulerDiscreteScheduler.scale_noise.
mx::array scale_noise(const mx::array& image, const mx::array& noise, double sigma);

/// A checkpoint, which the message names, holds NaN or infinity.
class NotFinite : public Error {
 public:
  using Error::Error;
};

/// Evaluates. Throws NotFinite.
void check_finite(const mx::array& tensor, const std::string& checkpoint);

} // namespace mflux::pipelines
