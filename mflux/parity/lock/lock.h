#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/parity/lock/stubs.h"

namespace mflux::parity {

struct LockOptions {
  std::filesystem::path run; ///< holds ref/ and mlx/
  std::filesystem::path to;  ///< the fixture's folder; empty: tests/fixtures/NAME of the project
  std::string name;          ///< empty: the last part of `to`, or of `run`
  std::vector<std::string> only;  ///< globs over checkpoints and components; none: all
  uint64_t max_bytes = 1'000'000; ///< of a file
  uint64_t max_total = 4'000'000; ///< of the whole fixture
  bool update = false;            ///< an existing fixture may be replaced
  Stubs stubs = Stubs::both;
  std::string tool = {}; ///< what to call itself in the provenance: "mflux 0.1.0"
  int threads = 0;
};

/// What became a fixture.
struct Locked {
  std::filesystem::path fixture;
  size_t checkpoints = 0, cropped = 0;
  uint64_t bytes = 0;
  double worst_rel_l2 = 0; ///< of the port, at `worst`
  std::string worst;
};

/// The run does not pass, so that it cannot be locked.
class NotPassing : public Error {
 public:
  using Error::Error;
};

/// Writes a fixture: a dump of the reference's checkpoints that the port passes, with the tolerance
/// they are held to as parity.toml, where all comes from in manifest.json ("lock"), and stubs of
/// tests. What feeds a component (COMPONENT.in.*, input_ids, attention_mask, latents_initial) is
/// kept whole, the rest as centre crops where it is too large. The fixture must pass against the
/// run's own port before it is put in place, whole or not at all; the run is marked by locked.json.
/// Of an older fixture only files stay that are not its own, edited stubs among them. Throws
/// NotPassing, and Error when the fixture exists, is too large or cannot be written.
Locked lock_run(const LockOptions& options);

} // namespace mflux::parity
