#include <fmt/format.h>

#include <array>
#include <cmath>

#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/loop_roles.h"
#include "mflux/parity/diagnose/pipeline/rounding.h"
#include "mflux/parity/diagnose/pipeline/sinusoid.h"

namespace mflux::parity {
namespace {

/// Longer vectors are no timesteps.
constexpr int64_t kMostTimesteps = 4096;

struct Change {
  const char* id;
  const char* detail;
  const char* transform; ///< that undoes it
  double (*apply)(double);
};

double thousand(double t) {
  return t * 1000;
}

double to_e4m3(double t) {
  for (const auto& rounding : narrower_types()) {
    if (rounding.name == "float8_e4m3") {
      return rounding.apply(t);
    }
  }
  return t;
}

constexpr auto kChanges = std::to_array<Change>({
    {"timestep.scale", "1000 times the reference's", "scale 0.001", thousand},
    {"timestep.scale",
     "a thousandth of the reference's",
     "scale 1000",
     [](double t) { return t / 1000; }},
    {"timestep.scale", "1 - t for t", "negate | add 1", [](double t) { return 1 - t; }},
    {"timestep.scale", "1000 - t for t", "negate | add 1000", [](double t) { return 1000 - t; }},
    {"timestep.scale",
     "1000 (1 - t) for t",
     "scale -0.001 | add 1",
     [](double t) { return 1000 * (1 - t); }},
    {"timestep.scale",
     "1 - t / 1000 for t",
     "scale -1000 | add 1000",
     [](double t) { return 1 - t / 1000; }},
    {"timestep.scale", "999 - t for t", "negate | add 999", [](double t) { return 999 - t; }},
    {"timestep.scale", "the sign is flipped", "negate", [](double t) { return -t; }},
    {"timestep.scale",
     "a millionth of the reference's",
     "scale 1000000",
     [](double t) { return t / 1e6; }},
    {"timestep.scale",
     "a million times the reference's",
     "scale 0.000001",
     [](double t) { return t * 1e6; }},
    {"timestep.rounded", "rounded to bfloat16", "", to_bfloat16},
    {"timestep.rounded", "truncated to bfloat16", "", cut_to_bfloat16},
    {"timestep.rounded", "rounded to float16", "", to_float16},
    {"timestep.rounded", "rounded to float8_e4m3", "", to_e4m3},
    {"timestep.rounded", "rounded to whole numbers", "", std::nearbyint},
    {"timestep.rounded", "cut to whole numbers", "", std::floor},
    {"timestep.rounded", "raised to whole numbers", "", std::ceil},
    {"timestep.rounded",
     "rounded to thousandths",
     "",
     [](double t) { return std::nearbyint(t * 1000) / 1000; }},
    {"timestep.rounded",
     "cut to thousandths",
     "",
     [](double t) { return std::floor(t * 1000) / 1000; }},
    {"timestep.rounded",
     "rounded to bfloat16 before it is multiplied by 1000",
     "",
     [](double t) { return to_bfloat16(t / 1000) * 1000; }},
    {"timestep.rounded",
     "rounded to float16 before it is multiplied by 1000",
     "",
     [](double t) { return to_float16(t / 1000) * 1000; }},
});

bool is_time(const Case& at) {
  const LoopRole role = loop_name_of(at.name()).role;
  return role == LoopRole::timestep || role == LoopRole::timesteps || role == LoopRole::sigmas;
}

Field mapped(const Field& field, double (*apply)(double)) {
  Field out = field;
  for (double& value : out.values) {
    value = apply(value);
  }
  return out;
}

void propose_for_values(const Case& at, Proposals& proposals) {
  for (const auto& change : kChanges) {
    proposals.add({change.id, [&at, &change](const Half&) {
                     return Prediction{
                         mapped(at.ref, change.apply),
                         change.transform,
                         fmt::format("timesteps: {}", change.detail)};
                   }});
  }
}

/// The embedding's timesteps are solved from the reference, changed, and embedded again.
void propose_for_embedding(const Case& at, Proposals& proposals) {
  const auto sinusoid = Sinusoid::of(at.ref, at.floor());
  if (!sinusoid) {
    return;
  }
  for (const auto& change : kChanges) {
    proposals.add({change.id, [sinusoid, &change](const Half&) {
                     return Prediction{
                         sinusoid->with_times(change.apply),
                         "",
                         fmt::format("timesteps in this embedding: {}", change.detail)};
                   }});
  }
}

} // namespace

void propose_timestep(const Case& at, Proposals& proposals) {
  if (at.ref.count() == at.port.count() && at.ref.count() <= kMostTimesteps && is_time(at)) {
    propose_for_values(at, proposals);
  } else if (at.same_shape) {
    propose_for_embedding(at, proposals);
  }
}

} // namespace mflux::parity
