#include "mflux/parity/diagnose/attention/hypotheses.h"

namespace mflux::parity {

void propose_attention(const Case& /*at*/, Proposals& /*proposals*/) {}

} // namespace mflux::parity
