#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/bisect/narrow.h"
#include "mflux/parity/bisect/state.h"

namespace mflux::parity {

/// A run of one side that is wanted.
struct SideRun {
  std::string side;    ///< "ref" or "mlx", as its folder is called
  std::string command; ///< of the user, with its placeholders
  std::vector<std::string> taps;
  bool is_survey = false;         ///< a list of what there is would do, without tensors
  std::filesystem::path out, log; ///< an empty folder for the dump; a file for what it prints
};

/// Who runs the two sides and hears how it goes.
class BisectRunner {
 public:
  virtual ~BisectRunner() = default;
  /// Throws Error when the command fails.
  virtual void run(const SideRun& run) = 0;
  /// One line for people; it stands in the log already.
  virtual void tell(const std::string& line) = 0;
};

struct BisectOptions {
  std::filesystem::path run; ///< the folder for everything that is written; created
  std::string ref, port;     ///< commands
  std::optional<std::filesystem::path> map, tolerances; ///< instead of those in `run`
  Limits limits;
  bool restart = false; ///< forget what an earlier bisection in `run` found
  bool keep = false;    ///< every round's dumps, not the last one's alone
  int threads = 0;
};

struct Bisected {
  BisectState state;
  Conclusion conclusion;
};

/// Has both sides run with narrower captures until the first bad module is known. Between rounds
/// all that is known is kept in `run`/state.json, and a second call goes on from there; what was
/// run and why is in `run`/bisect.log; `run`/ref and `run`/mlx hold the last round's dumps. Throws
/// Error when a command fails or dumps nothing, when `run` holds dumps that no bisection wrote, or
/// the state of one with other commands.
Bisected bisect(const BisectOptions& options, BisectRunner& runner);

} // namespace mflux::parity
