#pragma once

#include "mflux/base/json.h"
#include "mflux/parity/metrics/metrics.h"

namespace mflux::testing {

/// All numbers under their names in metrics.h. Infinities are "inf" and "-inf", NaN "nan"; hashes
/// hexadecimal text.
Json to_json(const parity::Metrics& metrics);
Json to_json(const parity::Summary& summary);

} // namespace mflux::testing
