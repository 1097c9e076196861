#include "mflux/parity/diagnose/pointwise/hypotheses.h"

namespace mflux::parity {

void propose_pointwise(const Case& /*at*/, Proposals& /*proposals*/) {}

} // namespace mflux::parity
