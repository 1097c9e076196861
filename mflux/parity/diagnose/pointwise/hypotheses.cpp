#include "mflux/parity/diagnose/pointwise/hypotheses.h"

#include "mflux/parity/diagnose/pointwise/activation.h"
#include "mflux/parity/diagnose/pointwise/bias.h"
#include "mflux/parity/diagnose/pointwise/broadcast.h"
#include "mflux/parity/diagnose/pointwise/dropout.h"
#include "mflux/parity/diagnose/pointwise/norm.h"
#include "mflux/parity/diagnose/pointwise/scale.h"

namespace mflux::parity {

void propose_pointwise(const Case& at, Proposals& proposals) {
  propose_scale(at, proposals);
  propose_sign(at, proposals);
  propose_bias(at, proposals);
  propose_broadcast(at, proposals);
  propose_dropout(at, proposals);
  propose_activation(at, proposals);
  if (const auto model = norm_model(at)) {
    propose_norm(at, model, proposals);
    propose_modulation(at, model, proposals);
  }
}

} // namespace mflux::parity
