#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mflux::cli {

/// Checks for options that hold a number. CLI11's own let NaN through and say their limits in
/// hundreds of digits.
CLI::Validator above_zero();       ///< finite
CLI::Validator zero_or_more();     ///< finite
CLI::Validator whole_above_zero(); ///< of at most 18 digits
CLI::Validator whole_or_zero();    ///< of at most 9 digits

/// An option that may be given again and takes one value each time, so that what follows it stays
/// a positional.
CLI::Option* add_repeatable(
    CLI::App& command,
    const std::string& name,
    std::vector<std::string>& values,
    const std::string& description);

} // namespace mflux::cli
