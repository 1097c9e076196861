#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "mflux/parity/compare.h"

namespace mflux::cli {

/// What compare, report and the like are told about the two dumps.
struct CompareFlags {
  std::string first, second, map, tolerances, ref32;
  std::vector<std::string> allow_missing;
  double max_ratio = parity::kMaxRatio;
  int threads = 0;
};

/// The positional RUN_OR_REF and MLX, and all flags; `flags` must outlive the parsing.
void add_compare_flags(CLI::App& command, CompareFlags& flags);

/// The flags alone that say how a checkpoint is found and judged.
void add_judging_flags(CLI::App& command, CompareFlags& flags);

parity::CompareOptions options_of(const CompareFlags& flags);

/// 0 when the verdict is PASS, else 1.
Exit exit_of(const parity::Comparison& comparison);

} // namespace mflux::cli
