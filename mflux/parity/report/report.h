#pragma once

#include <string>

#include "mflux/parity/compare.h"
#include "mflux/parity/diagnose/diagnose.h"

namespace mflux::parity {

struct ReportOptions {
  std::string version;                  ///< of mflux, as the page names it
  int threads = 0;                      ///< 0: as many as the machine has
  const Diagnosis* diagnosis = nullptr; ///< null: none was asked for
};

/// A comparison as one HTML page that needs no other file and no network. Reads every tensor pair
/// that differs once more, large ones in tiles. Throws Error on damaged files.
std::string report_html(const Comparison& comparison, const ReportOptions& options);

/// The same as JUnit XML: a test case per checkpoint; a failure names the causes that were proven
/// there. FAIL, SHAPE, NONFINITE, INCONCLUSIVE and
/// MISSING are failures; INHERITED and what may be missing are skipped. So there is a failure
/// exactly when the verdict is not PASS.
std::string report_junit(const Comparison& comparison, const Diagnosis* diagnosis = nullptr);

} // namespace mflux::parity
