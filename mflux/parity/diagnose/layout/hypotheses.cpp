#include "mflux/parity/diagnose/layout/hypotheses.h"

#include "mflux/parity/diagnose/layout/permutations.h"
#include "mflux/parity/diagnose/layout/slices.h"

namespace mflux::parity {

void propose_layout(const Case& at, Proposals& proposals) {
  propose_permutations(at, proposals);
  propose_slices(at, proposals);
}

} // namespace mflux::parity
