#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux {

enum class TimeShift { exponential, linear };

/// scheduler_config.json of diffusers FlowMatchEulerDiscreteScheduler; defaults are the class's.
struct FlowMatchEulerConfig {
  int num_train_timesteps = 1000;
  double shift = 1;                  ///< of every sigma, unless the shift is dynamic
  bool use_dynamic_shifting = false; ///< by mu, which the pipeline computes from the picture's size
  double base_shift = 0.5, max_shift = 1.15; ///< mu at the two lengths below, for pipelines
  int base_image_seq_len = 256, max_image_seq_len = 4096; ///< that interpolate it linearly
  double shift_terminal = 0; ///< what the last sigma before the 0 is stretched to; 0: as it is
  TimeShift time_shift_type = TimeShift::exponential;
  bool invert_sigmas = false;
};

/// Reads a config; unknown keys are logged as warnings. Throws Error for another scheduler's
/// config, for what is not implemented (Karras, exponential and beta sigmas, stochastic sampling)
/// and for values out of range. `where` names the file.
FlowMatchEulerConfig parse_flow_match_euler_config(const Json& json, const std::string& where);

/// The times of one run. Step i (from 0) goes from sigmas[i] to sigmas[i + 1].
struct Schedule {
  std::vector<double> sigmas;    ///< one more than there are steps; the last is 0 (inverted: 1)
  std::vector<double> timesteps; ///< sigma · num_train_timesteps

  int steps() const {
    return static_cast<int>(timesteps.size());
  }
  /// By which Euler's step i multiplies the prediction.
  double dt(int i) const {
    return sigmas[i + 1] - sigmas[i];
  }
};

/// From 1 to 1/steps in equal distances. Throws Error unless steps is positive.
std::vector<double> linear_sigmas(int steps);

/// The shifted schedule of `sigmas` (each above 0 and at most 1). `mu` is only read when the shift
/// is dynamic. Every operation is rounded to float32, as NumPy does in diffusers, so that the
/// timesteps are diffusers' to the last bit: one more or less of a timestep's last bit turns its
/// sinusoids by 6e-5. Throws Error. Reference: set_timesteps(sigmas=…, mu=…).
Schedule make_schedule(
    const FlowMatchEulerConfig& config, const std::vector<double>& sigmas, double mu);

/// The steps from `first` (from 0) on. Throws Error when there are none left.
Schedule without_first_steps(const Schedule& schedule, int first);

/// How many of `steps` image to image leaves out: those before the noise that `strength` (0 to 1)
/// asks for. Reference: get_timesteps of diffusers' image-to-image pipelines.
int steps_left_out(int steps, double strength);

/// FLUX.2's mu for so many image tokens and steps. Reference: compute_empirical_mu.
double empirical_mu(int64_t image_tokens, int steps);

} // namespace mflux
