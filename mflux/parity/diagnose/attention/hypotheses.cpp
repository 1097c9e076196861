#include "mflux/parity/diagnose/attention/hypotheses.h"

#include "mflux/parity/diagnose/attention/inside.h"
#include "mflux/parity/diagnose/attention/rotated.h"

namespace mflux::parity {

void propose_attention(const Case& at, Proposals& proposals) {
  propose_head_order(at, proposals);
  propose_table(at, proposals);
  propose_positions(at, proposals);
  propose_rotated(at, proposals);
  propose_inside(at, proposals);
}

} // namespace mflux::parity
