#include "mflux/pipelines/denoise.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "mflux/base/error.h"

namespace mflux::pipelines {

using capture::Axes;

namespace {

mx::array floats(const std::vector<double>& values) {
  const std::vector<float> rounded(values.begin(), values.end());
  return mx::array(rounded.data(), {static_cast<int>(rounded.size())}, mx::float32);
}

std::vector<double> values_of(const mx::array& array) {
  auto plain = mx::contiguous(mx::astype(array, mx::float32));
  plain.eval();
  return {plain.data<float>(), plain.data<float>() + plain.size()};
}

/// The schedule as the reference keeps it, in float32, and as an observer lets it be.
Schedule recorded(const Schedule& schedule, int tokens, const capture::Taps& taps) {
  const auto record = [&](const char* name, const mx::array& array, capture::Role role) {
    return taps.record(name, array, Axes::as_is, role);
  };
  record("scheduler.in.num_inference_steps", mx::array(schedule.steps()), capture::Role::in);
  record("scheduler.in.image_seq_len", mx::array(tokens), capture::Role::in);
  return {
      .sigmas = values_of(record("sigmas", floats(schedule.sigmas), capture::Role::out)),
      .timesteps = values_of(record("timesteps", floats(schedule.timesteps), capture::Role::out))};
}

void stop_if_cancelled(const Callbacks& callbacks) {
  if (callbacks.is_cancelled && callbacks.is_cancelled()) {
    throw Cancelled{};
  }
}

/// A step that the device works on.
struct Submitted {
  int step; ///< from 1
  mx::array next, is_prediction_finite, is_next_finite;
};

mx::array all_finite(const mx::array& tensor) {
  return mx::all(mx::isfinite(tensor));
}

Submitted submit(const mx::array& latents, const Schedule& schedule, int i, const Denoising& run) {
  const auto time = mx::full({latents.shape(0)}, schedule.timesteps[i], mx::float32);
  const auto timestep = run.taps.record("timestep", mx::astype(time, latents.dtype()), Axes::as_is);
  const auto prediction =
      run.taps.record("noise_pred", run.predict(latents, timestep), Axes::as_is);
  const auto next =
      run.taps.record("latents", euler_step(latents, prediction, schedule.dt(i)), Axes::as_is);
  Submitted step{
      .step = i + 1,
      .next = next,
      .is_prediction_finite = all_finite(prediction),
      .is_next_finite = all_finite(next)};
  mx::async_eval({step.next, step.is_prediction_finite, step.is_next_finite});
  return step;
}

/// However the loop is left, nothing that it submitted goes on: a process that ends while MLX's
/// thread multiplies matrices waits forever in OpenBLAS.
class WaitsAtTheEnd {
 public:
  WaitsAtTheEnd() = default;
  ~WaitsAtTheEnd() {
    try {
      mx::synchronize();
    } catch (const std::exception&) { // what went wrong on the way is already being told
    }
  }
  WaitsAtTheEnd(const WaitsAtTheEnd&) = delete;
  WaitsAtTheEnd& operator=(const WaitsAtTheEnd&) = delete;
};

/// Waits for it.
void finish(Submitted& step, int steps, const Denoising& run) {
  const auto expect = [&](mx::array& is_finite, const char* what) {
    if (!is_finite.item<bool>()) {
      throw NotFinite(fmt::format("{}@step={} holds NaN or infinity", what, step.step));
    }
  };
  expect(step.is_prediction_finite, "noise_pred");
  expect(step.is_next_finite, "latents");
  if (run.callbacks.progress) {
    run.callbacks.progress({.stage = Stage::denoise, .step = step.step, .steps = steps});
  }
  if (run.callbacks.preview) {
    run.callbacks.preview(step.step, run.picture(step.next));
  }
}

} // namespace

mx::array denoise(const mx::array& start, const Denoising& run) {
  const Schedule schedule = recorded(run.schedule, start.shape(1), run.taps);
  mx::array latents = start;
  const WaitsAtTheEnd waits;
  // A GPU would idle between steps. On the CPU a cancelled run ends with the step under way.
  const bool runs_ahead = mx::default_device() == mx::Device::gpu;
  std::optional<Submitted> before;
  for (int i = 0; i < schedule.steps(); ++i) {
    stop_if_cancelled(run.callbacks);
    run.taps.begin_step(i + 1);
    auto step = submit(latents, schedule, i, run);
    latents = step.next;
    if (before) {
      finish(*before, schedule.steps(), run);
    }
    if (runs_ahead) {
      before = std::move(step);
    } else {
      finish(step, schedule.steps(), run);
    }
  }
  run.taps.begin_step(std::nullopt);
  stop_if_cancelled(run.callbacks);
  if (before) {
    finish(*before, schedule.steps(), run);
  }
  return latents;
}

mx::array euler_step(const mx::array& sample, const mx::array& prediction, double dt) {
  const auto dtype = prediction.dtype();
  const auto factor = mx::astype(mx::array(static_cast<float>(dt), mx::float32), dtype);
  const auto product = mx::astype(mx::multiply(factor, prediction), mx::float32);
  return mx::astype(mx::add(mx::astype(sample, mx::float32), product), dtype);
}

mx::array guide(const mx::array& conditioned, const mx::array& unconditioned, double scale) {
  const auto dtype = conditioned.dtype();
  const auto difference = mx::astype(mx::subtract(conditioned, unconditioned), mx::float32);
  const auto scaled = mx::multiply(difference, mx::array(static_cast<float>(scale), mx::float32));
  return mx::add(unconditioned, mx::astype(scaled, dtype));
}

mx::array scale_noise(const mx::array& image, const mx::array& noise, double sigma) {
  const auto part = mx::array(static_cast<float>(sigma), image.dtype());
  const auto rest = mx::subtract(mx::array(1.0f, image.dtype()), part);
  return mx::add(mx::multiply(part, noise), mx::multiply(rest, image));
}

void check_finite(const mx::array& tensor, const std::string& checkpoint) {
  if (!all_finite(tensor).item<bool>()) {
    throw NotFinite(fmt::format("{} holds NaN or infinity", checkpoint));
  }
}

} // namespace mflux::pipelines
