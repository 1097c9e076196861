#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/case.h"
#include "mflux/parity/diagnose/pipeline/combination.h"
#include "mflux/parity/diagnose/pipeline/loop_roles.h"

namespace mflux::parity {

/// One step of the scheduler as both sides do it: after = α · before + β · prediction. `ref` and
/// `port` hold α and β, solved from each side's own tensors.
struct SchedulerStep {
  int number = 0;
  size_t row = 0; ///< of what it leaves
  std::shared_ptr<const FieldPair> after, before, prediction;
  Combination ref;
  std::optional<Combination> port; ///< nothing when the port does something else

  Terms port_terms() const {
    return {&before->port, &prediction->port};
  }
};

/// The step that left the latents of `row`; nothing when what it was made from was not dumped, or
/// the reference's update is no such sum.
std::optional<SchedulerStep> scheduler_step(const Scene& scene, const LoopRows& loop, size_t row);

/// Every step that can be read, in order of their numbers; only those beside `row` when the
/// tensors are large.
std::vector<SchedulerStep> scheduler_steps(const Scene& scene, const LoopRows& loop, size_t row);

/// Which rows a step may start from and which predictions it may use: the likeliest first.
std::vector<size_t> rows_before(const LoopRows& loop, size_t row);
std::vector<size_t> predictions_for(const LoopRows& loop, size_t row, LoopRole role);

/// What rounding leaves of the reference's own sum, relative to the whole.
double exactness_at(const Row& row);

} // namespace mflux::parity
