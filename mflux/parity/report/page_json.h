#pragma once

#include <string>

#include "mflux/base/json.h"
#include "mflux/parity/report/detail.h"

namespace mflux::parity {

/// JSON as a page may hold it: nine digits, "inf", "-inf" and "nan" for what is not finite, strings
/// as printable() writes them.
Json for_page(const Json& value);

/// One line of JSON in ASCII that may stand inside of a <script>: without '<'.
std::string script_text(const Json& value);

/// Of one checkpoint, beyond what result_json says of it.
Json detail_json(const Detail& detail);

} // namespace mflux::parity
