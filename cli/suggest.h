#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mflux::cli {

/// The candidate nearest to `word` by edit distance, or nothing when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// One line for a command line that did not parse: what was seen, the nearest flag or command that
/// exists, and where to read more.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

} // namespace mflux::cli
