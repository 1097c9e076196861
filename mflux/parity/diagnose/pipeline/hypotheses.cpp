#include "mflux/parity/diagnose/pipeline/hypotheses.h"

namespace mflux::parity {

void propose_pipeline(const Case& /*at*/, Proposals& /*proposals*/) {}

} // namespace mflux::parity
