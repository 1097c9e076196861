#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mflux/parity/diagnose/attention/plan.h"

namespace mflux::parity {

/// A plan with another base on every axis.
RotaryPlan with_theta(RotaryPlan plan, double theta);

using RowSet = std::vector<bool>;

/// A plan with positions moved by `by` along one axis, at rows that `moved` marks.
RotaryPlan with_offset(RotaryPlan plan, size_t axis, double by, const RowSet& moved);

/// Positions moved along one axis or all: of every row, or else of `part` (none: empty), of rows
/// that the axis turns or of those that it does not.
std::vector<TurnVariant> offset_variants(
    const RotaryPlan& plan, const Turn& like, const RowSet& part, bool is_uniform);

using PlanVariant = std::pair<std::string, RotaryPlan>; ///< in words

/// Positions of the axes exchanged in every way, and counted in the other order over a grid.
std::vector<PlanVariant> axes_plans(const RotaryPlan& plan);

/// The tables of these, and those with the axes' frequencies in another order.
std::vector<TurnVariant> axes_variants(const RotaryPlan& plan, const Turn& like);

/// Frequencies that are divided otherwise among the axes: over the whole width, or running on.
std::vector<TurnVariant> frequency_variants(const RotaryPlan& plan, const Turn& like);

} // namespace mflux::parity
