#include "mflux/parity/diagnose/pipeline/hypotheses.h"

#include "mflux/parity/diagnose/pipeline/families.h"

namespace mflux::parity {

void propose_pipeline(const Case& at, Proposals& proposals) {
  propose_output_rounding(at, proposals);
  propose_narrow_computation(at, proposals);
  propose_timestep(at, proposals);
  propose_sigmas(at, proposals);
  propose_other_timestep(at, proposals);
  propose_update(at, proposals);
  propose_cfg(at, proposals);
  propose_other_numbers(at, proposals);
}

} // namespace mflux::parity
