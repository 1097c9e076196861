#include "mflux/schedulers/flow_match_euler.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mflux/base/error.h"
#include "mflux/base/model_config.h"

namespace mflux {
namespace {

constexpr int kMostSteps = 10000;

TimeShift parse_time_shift(const std::string& name, const ModelConfig& config) {
  if (name == "exponential") {
    return TimeShift::exponential;
  }
  if (name != "linear") {
    config.fail(
        fmt::format("time_shift_type is \"{}\", expected exponential or linear", printable(name)));
  }
  return TimeShift::linear;
}

void check(const FlowMatchEulerConfig& c, const ModelConfig& config) {
  config.range("num_train_timesteps", c.num_train_timesteps, 1, 1 << 24);
  if (!(c.shift > 0 && std::isfinite(c.shift))) {
    config.fail(fmt::format("shift is {}, expected a positive number", c.shift));
  }
  if (!(c.shift_terminal >= 0 && c.shift_terminal < 1)) {
    config.fail(fmt::format("shift_terminal is {}, expected 0 to below 1", c.shift_terminal));
  }
}

void refuse_what_is_missing(ModelConfig& config) {
  for (const char* key :
       {"use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_flow_sigmas",
        "stochastic_sampling"}) {
    if (config.reader().maybe<bool>(key).value_or(false)) {
      config.fail(fmt::format("{} is true, which is not implemented", key));
    }
  }
}

/// What float32 makes of a result: +, −, · and / of float32 numbers, done in double and rounded,
/// are the float32 operations.
double single(double value) {
  return static_cast<float>(value);
}

double shifted(const FlowMatchEulerConfig& config, double sigma, double mu) {
  if (!config.use_dynamic_shifting) {
    const double below = single(1 + single(single(config.shift - 1) * sigma));
    return single(single(single(config.shift) * sigma) / below);
  }
  const bool is_linear = config.time_shift_type == TimeShift::linear;
  const double weight = single(is_linear ? mu : std::exp(mu));
  return single(weight / single(weight + single(single(1 / sigma) - 1)));
}

/// Stretches so that the last one is `terminal`. Reference: stretch_shift_to_terminal.
void stretch(std::vector<double>& sigmas, double terminal) {
  const double scale = single(single(1 - sigmas.back()) / single(1 - terminal));
  for (double& sigma : sigmas) {
    sigma = single(1 - single(single(1 - sigma) / scale));
  }
}

void check_sigmas(const std::vector<double>& sigmas) {
  if (sigmas.empty() || sigmas.size() > kMostSteps) {
    throw Error(fmt::format("{} sigmas were given, expected 1 to {}", sigmas.size(), kMostSteps));
  }
  for (const double sigma : sigmas) {
    if (!(sigma > 0 && sigma <= 1)) {
      throw Error(fmt::format("a sigma is {}, expected above 0 and at most 1", sigma));
    }
  }
}

} // namespace

FlowMatchEulerConfig parse_flow_match_euler_config(const Json& json, const std::string& where) {
  ModelConfig config(json, where, {"FlowMatchEulerDiscreteScheduler"});
  refuse_what_is_missing(config);
  JsonReader& reader = config.reader();
  FlowMatchEulerConfig c;
  c.num_train_timesteps = reader.get("num_train_timesteps", c.num_train_timesteps);
  c.shift = reader.get("shift", c.shift);
  c.use_dynamic_shifting = reader.get("use_dynamic_shifting", c.use_dynamic_shifting);
  c.base_shift = reader.maybe<double>("base_shift").value_or(c.base_shift);
  c.max_shift = reader.maybe<double>("max_shift").value_or(c.max_shift);
  c.base_image_seq_len = reader.get("base_image_seq_len", c.base_image_seq_len);
  c.max_image_seq_len = reader.get("max_image_seq_len", c.max_image_seq_len);
  c.shift_terminal = reader.maybe<double>("shift_terminal").value_or(0);
  c.time_shift_type =
      parse_time_shift(reader.get<std::string>("time_shift_type", "exponential"), config);
  c.invert_sigmas = reader.get("invert_sigmas", c.invert_sigmas);
  check(c, config);
  config.report_unknown();
  return c;
}

std::vector<double> linear_sigmas(int steps) {
  if (steps < 1 || steps > kMostSteps) {
    throw Error(fmt::format("{} steps were asked for, expected 1 to {}", steps, kMostSteps));
  }
  std::vector<double> sigmas(steps);
  const double last = 1.0 / steps;
  for (int i = 0; i < steps; ++i) {
    sigmas[i] = steps == 1 ? 1 : 1 + (last - 1) * i / (steps - 1);
  }
  return sigmas;
}

Schedule make_schedule(
    const FlowMatchEulerConfig& config, const std::vector<double>& sigmas, double mu) {
  check_sigmas(sigmas);
  Schedule out;
  for (const double sigma : sigmas) {
    out.sigmas.push_back(shifted(config, single(sigma), mu));
  }
  if (config.shift_terminal != 0) {
    stretch(out.sigmas, config.shift_terminal);
  }
  for (double& sigma : out.sigmas) {
    sigma = config.invert_sigmas ? single(1 - sigma) : sigma;
    if (!std::isfinite(sigma)) {
      throw Error(fmt::format(
          "the sigmas {} cannot be shifted by this scheduler's config (shift_terminal {}, mu {})",
          fmt::join(sigmas, ", "),
          config.shift_terminal,
          mu));
    }
    out.timesteps.push_back(single(sigma * config.num_train_timesteps));
  }
  out.sigmas.push_back(config.invert_sigmas ? 1 : 0);
  return out;
}

Schedule without_first_steps(const Schedule& schedule, int first) {
  if (first < 0 || first >= schedule.steps()) {
    throw Error(fmt::format(
        "{} of {} steps would be left out, expected at least one to be left",
        first,
        schedule.steps()));
  }
  return {
      .sigmas = {schedule.sigmas.begin() + first, schedule.sigmas.end()},
      .timesteps = {schedule.timesteps.begin() + first, schedule.timesteps.end()}};
}

int steps_left_out(int steps, double strength) {
  if (!(strength >= 0 && strength <= 1)) {
    throw Error(fmt::format("the strength is {}, expected 0 to 1", strength));
  }
  const double kept = std::min<double>(steps * strength, steps);
  return static_cast<int>(std::max(steps - kept, 0.0));
}

double empirical_mu(int64_t image_tokens, int steps) {
  const auto tokens = static_cast<double>(image_tokens);
  const double at_200_steps = 0.00016927 * tokens + 0.45666666;
  if (image_tokens > 4300) {
    return at_200_steps;
  }
  const double at_10_steps = 8.73809524e-05 * tokens + 1.89833333;
  const double slope = (at_200_steps - at_10_steps) / 190;
  return slope * steps + (at_200_steps - 200 * slope);
}

} // namespace mflux
