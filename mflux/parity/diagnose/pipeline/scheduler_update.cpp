#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/schedule_forms.h"
#include "mflux/parity/diagnose/pipeline/scheduler_steps.h"

namespace mflux::parity {
namespace {

/// Factors this near, relative, are the same.
constexpr double kSame = 5e-3;

/// Of the steps that differ, so many must be another step's.
constexpr double kMostSteps = 0.6;

bool is_same(double a, double b, double slack = 0) {
  return std::abs(a - b) <= kSame * std::max({std::abs(a), std::abs(b), 1e-6}) + slack;
}

bool is_same(const Combination& a, const Combination& b) {
  const double slack = a.errors[1] + b.errors[1];
  return std::abs(a.factors[0] - b.factors[0]) <=
             kSame * std::abs(b.factors[1]) + a.errors[0] + b.errors[0] &&
         is_same(a.factors[1], b.factors[1], slack);
}

bool is_flow(const Combination& sum) {
  return std::abs(sum.factors[0] - 1) <=
         kSame * std::min(1.0, std::abs(sum.factors[1])) + sum.errors[0];
}

struct Named {
  const char* id;
  std::string why;
};

/// The step's sigmas in the reference's dump: a schedule whose differences are the steps' β.
std::vector<double> sigmas_of(const Scene& scene, const LoopRows& loop) {
  for (const LoopRole role : {LoopRole::sigmas, LoopRole::timesteps}) {
    for (const size_t row : loop.all(role)) {
      if (const auto pair = scene.pair(row); pair && pair->ref.rank() == 1) {
        auto values = pair->ref.values;
        const double unit = role == LoopRole::timesteps ? 0.001 : 1;
        std::transform(
            values.begin(), values.end(), values.begin(), [&](double t) { return t * unit; });
        if (role == LoopRole::timesteps && values.back() > 0) {
          values.push_back(0);
        }
        return values;
      }
    }
  }
  return {};
}

/// Whether a difference of the reference's sigmas, that of another step, gives the port's β.
std::optional<Named> other_difference(
    const SchedulerStep& step, const std::vector<double>& sigmas) {
  const double own = step.ref.factors[1], port = step.port->factors[1];
  const double slack = step.port->errors[1];
  const auto n = sigmas.size();
  for (size_t i = 0; i + 1 < n; ++i) {
    if (!is_same(sigmas[i + 1] - sigmas[i], own, step.ref.errors[1])) {
      continue;
    }
    for (size_t a = 0; a < n; ++a) {
      const size_t next = (a + 1) % n;
      const bool reaches = a == i && i + 2 < n && is_same(sigmas[i + 2] - sigmas[i], port, slack);
      if (reaches || (a != i && is_same(sigmas[next] - sigmas[a], port, slack))) {
        return Named{
            "scheduler.offset",
            fmt::format(
                "the step is sigmas[{}] - sigmas[{}], not sigmas[{}] - sigmas[{}]",
                reaches ? i + 2 : next,
                a,
                i + 1,
                i)};
      }
    }
  }
  return std::nullopt;
}

std::optional<Named> other_step(
    const SchedulerStep& step, const std::vector<SchedulerStep>& steps) {
  for (const auto& other : steps) {
    if (other.number != step.number && is_same(*step.port, other.ref)) {
      return Named{
          "scheduler.offset",
          fmt::format("step {} goes as the reference's step {}", step.number, other.number)};
    }
  }
  return std::nullopt;
}

std::string update_of(const Combination& sum) {
  return fmt::format(
      "{:.6g} latents {} {:.6g} prediction",
      sum.factors[0],
      sum.factors[1] < 0 ? "-" : "+",
      std::abs(sum.factors[1]));
}

/// Steps of latents + β · prediction on both sides.
Named name_flow(const SchedulerStep& step, const std::vector<SchedulerStep>& steps) {
  const double own = step.port->factors[1] / step.ref.factors[1];
  const double slack =
      (step.port->errors[1] + own * step.ref.errors[1]) / std::abs(step.ref.factors[1]);
  bool all_alike = true;
  size_t known = 0;
  for (const auto& other : steps) {
    if (other.port && is_flow(*other.port)) {
      ++known;
      all_alike &= is_same(other.port->factors[1] / other.ref.factors[1], own, 2 * slack);
    }
  }
  constexpr std::array kUsual = {0.5, 2.0, 1000.0, 0.001};
  const bool is_usual = std::any_of(
      kUsual.begin(), kUsual.end(), [&](double factor) { return is_same(factor, own, slack); });
  if (own < 0 || (all_alike && (known > 1 || is_usual))) {
    return {"scheduler.update", fmt::format("the prediction counts {:.6g} times as much", own)};
  }
  return {"scheduler.sigmas", "the steps are those of another schedule"};
}

/// Steps of predicted noise: the levels before and after tell whether they are the reference's.
Named name_levels(const SchedulerStep& step, const std::vector<SchedulerStep>& steps) {
  const auto own = signal_levels(step.ref.factors[0], step.ref.factors[1]);
  const auto port = signal_levels(step.port->factors[0], step.port->factors[1]);
  if (!own || !port) {
    return {"scheduler.update", "another sum of latents and prediction"};
  }
  bool before = false, after = false;
  for (const auto& other : steps) {
    if (const auto levels = signal_levels(other.ref.factors[0], other.ref.factors[1])) {
      before |= is_same(levels->before, port->before) || is_same(levels->after, port->before);
      after |= is_same(levels->before, port->after) || is_same(levels->after, port->after);
    }
  }
  const std::string levels =
      fmt::format("from signal level {:.5g} to {:.5g}", port->before, port->after);
  if (before && after) {
    return {"scheduler.offset", levels};
  }
  for (const auto& other : steps) {
    const auto next =
        other.port ? signal_levels(other.port->factors[0], other.port->factors[1]) : std::nullopt;
    if (other.number == step.number + 1 && (!next || !is_same(next->before, port->after))) {
      return {"scheduler.update", "another sum of latents and prediction"};
    }
  }
  return {"scheduler.sigmas", levels};
}

/// What the steps that differ have in common: each is another step of the reference.
bool are_other_steps(const std::vector<SchedulerStep>& steps, const std::vector<double>& sigmas) {
  int differ = 0, others = 0;
  for (const auto& step : steps) {
    if (step.port && !is_same(*step.port, step.ref)) {
      ++differ;
      others += other_step(step, steps) || other_difference(step, sigmas);
    }
  }
  return others >= kMostSteps * differ;
}

Named name_of(
    const SchedulerStep& step,
    const std::vector<SchedulerStep>& steps,
    const std::vector<double>& sigmas) {
  if (are_other_steps(steps, sigmas)) {
    const auto other = other_step(step, steps);
    const auto difference = other ? other : other_difference(step, sigmas);
    if (difference) {
      return *difference;
    }
  }
  if (!is_flow(step.ref)) {
    return name_levels(step, steps);
  }
  return is_flow(*step.port) ? name_flow(step, steps)
                             : Named{"scheduler.update", "another sum of latents and prediction"};
}

/// The port's update, solved from half of its own elements.
Hypothesis as_sum(const char* id, std::string detail, Terms terms, const Case& at, auto keep) {
  return {
      id,
      [terms = std::move(terms), detail = std::move(detail), &at, keep](
          const Half& fit) -> std::optional<Prediction> {
        const auto sum = combine(terms, at.port, fit);
        if (!sum) {
          return std::nullopt;
        }
        return Prediction{reshaped(sum_of(terms, sum->factors), at.port.shape), "", detail};
      },
      true};
}

/// The port adds what the reference does not: the step before's prediction, the initial latents.
void propose_more_terms(
    const Case& at, const LoopRows& loop, const SchedulerStep& step, Proposals& proposals) {
  auto rows = loop.all(LoopRole::prediction, step.number - 1);
  const auto initial = loop.all(LoopRole::latents, 0);
  rows.insert(rows.end(), initial.begin(), initial.end());
  for (const size_t row : rows) {
    const auto more = at.scene.pair(row);
    if (!more || more->port.count() != at.port.count() || more == step.before) {
      continue;
    }
    Terms terms = step.port_terms();
    terms.push_back(&more->port);
    const auto sum = combine(terms, at.port, Half::all());
    if (sum && sum->left <= exactness_at(at.at())) {
      const std::string detail = fmt::format(
          "{:.6g} latents, {:.6g} prediction and {:.6g} {}; the reference has {}",
          sum->factors[0],
          sum->factors[1],
          sum->factors[2],
          at.scene.rows()[row].ref->text,
          update_of(step.ref));
      proposals.add(
          as_sum("scheduler.update", detail, std::move(terms), at, std::pair(step.after, more)));
    }
  }
}

/// Only the latents were dumped: the port goes along the same direction, another way.
void propose_without_prediction(const Case& at, const LoopRows& loop, Proposals& proposals) {
  const auto sigmas = sigmas_of(at.scene, loop);
  for (const size_t row : rows_before(loop, at.row)) {
    const auto before = at.scene.pair(row);
    if (!before || before->ref.count() != at.ref.count() ||
        relative_error(before->port, before->ref) > 10 * at.floor()) {
      continue;
    }
    const auto sum = combine({&before->ref, &at.ref}, at.port, Half::all());
    if (!sum || sum->left > exactness_at(at.at()) ||
        !is_same(sum->factors[0] + sum->factors[1], 1)) {
      continue;
    }
    const double times = sum->factors[1];
    const int index = loop.of(at.row).step.value_or(1) - 1;
    SchedulerStep step;
    step.number = index + 1;
    const bool known = index >= 0 && static_cast<size_t>(index) + 1 < sigmas.size();
    const double own =
        known ? sigmas[static_cast<size_t>(index) + 1] - sigmas[static_cast<size_t>(index)] : 1;
    step.ref = {{1, own}, {0, 0}, 0};
    step.port = Combination{{1, own * times}, {0, 0}, 0};
    const auto other = known ? other_difference(step, sigmas) : std::nullopt;
    const bool is_usual = times < 0 || is_same(times, 0.5) || is_same(times, 2);
    if (!other && !is_usual) {
      continue;
    }
    proposals.add(as_sum(
        other ? other->id : "scheduler.update",
        other ? other->why : fmt::format("the step is {:.6g} times the reference's", times),
        {&before->ref, &at.ref},
        at,
        before));
  }
}

/// The latents of the step before once more: a mistake of the dump, for the steps before moved on.
bool repeats_the_last(const SchedulerStep& step) {
  return step.number > 1 && is_same(*step.port, {{1, 0}, {0, 0}, 0});
}

/// Both sides dumped one schedule, and the same.
bool has_the_schedule(const Scene& scene, const LoopRows& loop) {
  bool any = false;
  for (const LoopRole role : {LoopRole::sigmas, LoopRole::timesteps}) {
    for (const size_t row : loop.all(role)) {
      if (scene.rows()[row].verdict != Verdict::pass) {
        return false;
      }
      any = true;
    }
  }
  return any;
}

} // namespace

void propose_update(const Case& at, Proposals& proposals) {
  if (!at.is_first || at.ref.count() != at.port.count() ||
      loop_name_of(at.name()).role != LoopRole::latents) {
    return;
  }
  const LoopRows loop(at.scene);
  const auto& divergence = at.scene.comparison().first_divergence;
  if (divergence && divergence->row != at.row &&
      loop.of(divergence->row).role == LoopRole::latents) {
    return; // one loop has one scheduler: its first wrong step tells
  }
  const auto steps = scheduler_steps(at.scene, loop, at.row);
  const auto step = std::find_if(
      steps.begin(), steps.end(), [&](const SchedulerStep& one) { return one.row == at.row; });
  if (step == steps.end()) {
    propose_without_prediction(at, loop, proposals);
    if (predictions_for(loop, at.row, LoopRole::prediction).empty()) {
      proposals.need("scheduler.update", "noise_pred@step=K, for every step");
    }
    return;
  }
  if (!step->port) {
    propose_more_terms(at, loop, *step, proposals);
    return;
  }
  if (is_same(*step->port, step->ref) || repeats_the_last(*step)) {
    return;
  }
  Named named = name_of(*step, steps, sigmas_of(at.scene, loop));
  if (named.id == std::string_view("scheduler.sigmas") && has_the_schedule(at.scene, loop)) {
    named = {"scheduler.update", "the schedule was dumped and agrees, the sum does not"};
  }
  proposals.add(as_sum(
      named.id,
      fmt::format(
          "{}: {}, the reference has {}", named.why, update_of(*step->port), update_of(step->ref)),
      step->port_terms(),
      at,
      *step));
}

} // namespace mflux::parity
