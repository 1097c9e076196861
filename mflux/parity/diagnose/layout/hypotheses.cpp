#include "mflux/parity/diagnose/layout/hypotheses.h"

#include "mflux/parity/diagnose/layout/permutations.h"

namespace mflux::parity {

void propose_layout(const Case& at, Proposals& proposals) {
  propose_permutations(at, proposals);
}

} // namespace mflux::parity
