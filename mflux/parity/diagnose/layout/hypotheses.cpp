#include "mflux/parity/diagnose/layout/hypotheses.h"

#include "mflux/parity/diagnose/layout/dumps.h"
#include "mflux/parity/diagnose/layout/padding.h"
#include "mflux/parity/diagnose/layout/permutations.h"
#include "mflux/parity/diagnose/layout/slices.h"
#include "mflux/parity/diagnose/layout/weights.h"

namespace mflux::parity {

void propose_layout(const Case& at, Proposals& proposals) {
  propose_dump_mistakes(at, proposals);
  propose_permutations(at, proposals);
  propose_slices(at, proposals);
  propose_layer_weights(at, proposals);
  propose_missing_weights(at, proposals);
  propose_differing_weights(at, proposals);
  propose_edges(at, proposals);
}

} // namespace mflux::parity
