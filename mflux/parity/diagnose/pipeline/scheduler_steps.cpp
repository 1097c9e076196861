#include "mflux/parity/diagnose/pipeline/scheduler_steps.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace mflux::parity {
namespace {

/// A prediction counts for so many times more than what the sum leaves.
constexpr double kLeastPart = 20;

/// Of larger loops only the neighbouring steps are read.
constexpr int64_t kMostElements = int64_t{1} << 24;

/// Most rows that a step is looked for among.
constexpr size_t kMostCandidates = 4;

bool is_usable(const std::shared_ptr<const FieldPair>& pair, int64_t count) {
  return pair && pair->finite && pair->ref.count() == count && pair->port.count() == count;
}

double norm_of(const Field& field) {
  double sum = 0;
  for (const double value : field.values) {
    sum += value * value;
  }
  return std::sqrt(sum);
}

/// The reference's α and β, if its update is that sum and the prediction matters.
std::optional<Combination> reference_sum(const SchedulerStep& step, const Row& row) {
  const Field& after = step.after->ref;
  auto sum = combine({&step.before->ref, &step.prediction->ref}, after, Half::all());
  if (!sum || sum->left > exactness_at(row)) {
    return std::nullopt;
  }
  const double part = std::abs(sum->factors[1]) * norm_of(step.prediction->ref);
  return part > kLeastPart * sum->left * norm_of(after) && part > 1e-4 * norm_of(after)
             ? sum
             : std::nullopt;
}

void add_rows(std::vector<size_t>& out, const std::vector<size_t>& rows, size_t except) {
  for (const size_t r : rows) {
    if (r != except && std::find(out.begin(), out.end(), r) == out.end()) {
      out.push_back(r);
    }
  }
  out.resize(std::min(out.size(), kMostCandidates));
}

} // namespace

double exactness_at(const Row& row) {
  const double own = row.metrics ? noise_floor(row.metrics->ref_effective) : 1e-6;
  return 5 * std::max(own, 1e-6);
}

std::vector<size_t> rows_before(const LoopRows& loop, size_t row) {
  std::vector<size_t> out;
  const auto step = loop.of(row).step;
  if (step) {
    add_rows(out, loop.all(LoopRole::latents, *step - 1), row);
    add_rows(out, loop.all(LoopRole::latents, *step), row);
  }
  add_rows(out, loop.all(LoopRole::latents, 0), row);
  return out;
}

std::vector<size_t> predictions_for(const LoopRows& loop, size_t row, LoopRole role) {
  std::vector<size_t> out;
  const auto step = loop.of(row).step;
  if (!step) {
    add_rows(out, loop.all(role), row);
    return out;
  }
  for (const int number : {*step, *step - 1, *step + 1}) {
    add_rows(out, loop.all(role, number), row);
  }
  if (out.empty()) {
    add_rows(out, loop.all(role), row);
  }
  return out;
}

std::optional<SchedulerStep> scheduler_step(const Scene& scene, const LoopRows& loop, size_t row) {
  SchedulerStep step;
  step.row = row;
  step.number = loop.of(row).step.value_or(1);
  step.after = scene.pair(row);
  if (!step.after || !is_usable(step.after, step.after->ref.count())) {
    return std::nullopt;
  }
  const int64_t count = step.after->ref.count();
  for (const size_t before : rows_before(loop, row)) {
    step.before = scene.pair(before);
    if (!is_usable(step.before, count)) {
      continue;
    }
    for (const size_t prediction : predictions_for(loop, row, LoopRole::prediction)) {
      step.prediction = scene.pair(prediction);
      if (!is_usable(step.prediction, count)) {
        continue;
      }
      if (auto sum = reference_sum(step, scene.rows()[row])) {
        step.ref = std::move(*sum);
        auto port = combine(step.port_terms(), step.after->port, Half::all());
        if (port && port->left <= exactness_at(scene.rows()[row])) {
          step.port = std::move(port);
        }
        return step;
      }
    }
  }
  return std::nullopt;
}

std::vector<SchedulerStep> scheduler_steps(const Scene& scene, const LoopRows& loop, size_t row) {
  const auto rows = loop.all(LoopRole::latents);
  const auto own = scene.pair(row);
  const int64_t count = own ? own->ref.count() : 0;
  const bool is_large = count * static_cast<int64_t>(rows.size()) > kMostElements;
  std::vector<SchedulerStep> out;
  for (const size_t r : rows) {
    const int apart = std::abs(loop.of(r).step.value_or(1) - loop.of(row).step.value_or(1));
    if (r != row && is_large && apart > 1) {
      continue;
    }
    const auto known = [&](const SchedulerStep& step) { return step.number == loop.of(r).step; };
    if (r != row && std::any_of(out.begin(), out.end(), known)) {
      continue;
    }
    if (auto step = scheduler_step(scene, loop, r)) {
      out.push_back(std::move(*step));
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const SchedulerStep& a, const SchedulerStep& b) {
    return a.number < b.number;
  });
  return out;
}

} // namespace mflux::parity
