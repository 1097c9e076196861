#include "mflux/parity/diagnose/attention/hypotheses.h"

#include "mflux/parity/diagnose/attention/inside.h"

namespace mflux::parity {

void propose_attention(const Case& at, Proposals& proposals) {
  propose_inside(at, proposals);
}

} // namespace mflux::parity
