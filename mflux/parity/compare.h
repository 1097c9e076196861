#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/findings.h"
#include "mflux/parity/gain.h"
#include "mflux/parity/three_way.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

struct CompareOptions {
  std::filesystem::path ref;                 ///< or a RUN folder that holds ref/ and mlx/
  std::optional<std::filesystem::path> port; ///< absent with a RUN folder
  std::optional<std::filesystem::path> map, tolerances; ///< instead of those found in the folders
  std::vector<std::string> allow_missing;               ///< globs
  int threads = 0;                                      ///< 0: as many as the machine has
  std::optional<std::filesystem::path> ref32 = {};      ///< instead of RUN/ref32
  double max_ratio = kMaxRatio;                         ///< see three_way.h
};

/// Two dumps laid beside each other. Rows point into the dumps.
struct Comparison {
  Dump ref, port;
  std::optional<Dump> ref32;            ///< the reference again, in a wider type
  std::vector<Row> rows;                ///< every checkpoint of the reference, in execution order
  std::vector<const Checkpoint*> extra; ///< only the port has them
  std::vector<std::string> run_facts; ///< that differ: "steps: 4 in the reference, 20 in the port"
  std::vector<std::string> remarks;
  std::vector<Rename> guesses; ///< map.toml's rules for what was matched by values alone
  std::string order;           ///< where the execution order comes from, and what stays open
  std::string precision;       ///< what each component is judged as
  Verdict verdict = Verdict::pass;
  std::optional<Divergence> first_divergence;
  std::vector<Finding> findings; ///< mistakes of the dumps and the loop; no verdict rests on them
};

/// Compares a dump of a port with one of its reference. Throws Error when either is unreadable,
/// when parity.toml or map.toml is wrong, and when nothing could be compared.
Comparison compare(const CompareOptions& options);

/// The worst of the rows: FAIL, SHAPE, NONFINITE, then INCONCLUSIVE, MISSING, PASS.
Verdict worst_of(const std::vector<Row>& rows);

} // namespace mflux::parity
