#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace mflux::cli {

/// One line for a command line that did not parse: what was seen, the nearest flag or command that
/// exists, and where to read more.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

} // namespace mflux::cli
