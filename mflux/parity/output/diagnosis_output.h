#pragma once

#include <string>

#include "mflux/base/json.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/diagnose/diagnose.h"

namespace mflux::parity {

/// A diagnosis for people: where it starts, each cause with its proof and its fix, or what was
/// ruled out and what to dump next; the verdict last.
std::string format_diagnosis(
    const Comparison& comparison, const Diagnosis& diagnosis, bool coloured);

/// The comparison's JSON with "causes", "ruled_out" and "next" filled in (docs/PARITY.md).
std::string to_json(const Comparison& comparison, const Diagnosis& diagnosis);

/// The array "causes".
Json causes_json(const Comparison& comparison, const Diagnosis& diagnosis);

/// The array "ruled_out".
Json ruled_out_json(const Diagnosis& diagnosis);

/// The command that tries a cause's transform, as a shell takes it; empty where it has none.
std::string try_command(const Comparison& comparison, const Cause& cause);

} // namespace mflux::parity
