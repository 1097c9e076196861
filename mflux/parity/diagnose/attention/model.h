#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/attention/site.h"

namespace mflux::parity {

/// An attention that gives the reference's tensor.
struct Model {
  Site site;
  Setup setup;
  double error = 0; ///< ‖reference − computed‖ / ‖computed‖ over a sample
};

/// Finds the reading, the rotary table, the mask and the scale that give the reference's tensor
/// from the reference's projections; nothing when none does.
std::optional<Model> find_model(const Case& at, const AttentionRoles& roles, const Field& ref);

/// A setup that a bug would leave.
struct SetupVariant {
  std::string id, detail;
  Setup setup;
};

/// The bugs that one attention can have, none of which is fitted.
std::vector<SetupVariant> variants(const Case& at, const Model& model);

/// What the port would hold with that setup. Where all of it would take too long some rows are
/// computed, and the others are given the error that these have.
Field predicted(const Case& at, const Site& site, const Setup& setup);

/// The error of a setup against a field, over a small sample; over the elements of `fit`.
double sampled_error(
    const Site& site,
    const Projections& parts,
    const Setup& setup,
    const Field& field,
    const Half& fit = Half::all());

} // namespace mflux::parity
