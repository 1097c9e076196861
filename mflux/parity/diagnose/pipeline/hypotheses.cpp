#include "mflux/parity/diagnose/pipeline/hypotheses.h"

#include "mflux/parity/diagnose/pipeline/families.h"

namespace mflux::parity {

void propose_pipeline(const Case& at, Proposals& proposals) {
  propose_output_rounding(at, proposals);
  propose_timestep(at, proposals);
}

} // namespace mflux::parity
