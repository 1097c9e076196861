#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mflux::parity {

/// A [[rename]] of map.toml: how the port's names become the reference's. Each * of `to` takes what
/// the * of `from` in the same place stood for.
struct Rename {
  std::string from, to;
};

/// Reads map.toml. Throws Error (one line) on anything but [[rename]] tables of from and to.
std::vector<Rename> read_renames(const std::filesystem::path& path);

enum class MatchedBy { exact, map, normalised, guess };

/// Indices into the two lists of names.
struct Match {
  size_t ref, port;
  MatchedBy by;
};

struct Matching {
  std::vector<Match> pairs;         ///< in the reference's order
  std::vector<size_t> missing;      ///< the reference has them and the port has not
  std::vector<size_t> extra;        ///< only the port has them
  std::vector<std::string> remarks; ///< names that could mean two checkpoints and stay unmatched
};

/// Pairs canonical names in three passes: exact, after `renames`, normalised (wrappers and step
/// spellings, `X.in` for a sole `X.in.argument`, a prefix that one side has throughout). Throws
/// Error when a rename matches nothing, or two port names become the same.
Matching match_names(
    const std::vector<std::string>& ref,
    const std::vector<std::string>& port,
    const std::vector<Rename>& renames);

} // namespace mflux::parity
