#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/attention/roles.h"
#include "mflux/parity/diagnose/attention/sdpa.h"
#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// What a checkpoint holds of the attention's output, and how to get there from it.
struct Target {
  HeadLayout layout = HeadLayout::tokens_first;
  int64_t first_token = 0, tokens = 0; ///< of the joint tokens
  std::shared_ptr<const Field> rest;   ///< channels that stand behind the attention's
  std::shared_ptr<const Field> weight; ///< [out, heads * width]; null: not projected
  std::shared_ptr<const Field> bias;   ///< [out], or null
};

/// One reading of what was dumped around an attention: both sides' projections and what the
/// checkpoint is of their attention's output. The port's are the reference's where it has none.
struct Site {
  std::string path;
  Projections ref, port;
  Target target;
};

/// Every reading that the shapes allow, the likelier first.
std::vector<Site> sites_of(const Case& at, const AttentionRoles& roles);

/// Rows of the sample that the target holds: at most so many.
QueryRows sample_of(const Site& site, int64_t heads, int64_t tokens);

/// The target's values where an attention gave `core`; rows that `tokens` has not keep what is in
/// `field`, which has the target's shape.
void fill(const Site& site, const Heads& core, const QueryRows& sample, Field& field);

/// ‖field − computed‖ / ‖computed‖ over the sample's elements; only those of `fit`.
double error_on(
    const Site& site,
    const Heads& core,
    const QueryRows& sample,
    const Field& field,
    const Half& fit = Half::all());

} // namespace mflux::parity
