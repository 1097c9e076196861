#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mflux/capture/inputs.h"
#include "mflux/capture/taps.h"

namespace mflux::capture {

/// A checkpoint of the run and the tensor to put in its place.
struct Injection {
  std::string checkpoint;     ///< the full name: "transformer.norm_out@step=2", "vae.decode.in"
  std::filesystem::path file; ///< a dump's folder, or .npy, .npz or .safetensors
  std::string name;           ///< of the tensor there
};

/// Reads "CHECKPOINT=FILE" or "CHECKPOINT=FILE#NAME"; without NAME it is the checkpoint's. Throws
/// Error.
Injection parse_injection(const std::string& text);

/// Hands back tensors of a dump for some checkpoints, so that a run goes on as if they had been
/// computed: a divergence can be cut out and the rest verified. The dump holds them in the
/// reference's axes; they take the type the run has there.
class Injector : public Observer {
 public:
  /// `next`, unless null, sees what the run goes on with. Throws Error when a tensor is not there
  /// or a checkpoint is named twice.
  Injector(std::vector<Injection> injections, Observer* next);

  /// Throws Error for a tensor of another shape or kind of number; NaN and infinity are a warning.
  mx::array see(
      const std::string& module,
      const std::string& checkpoint,
      Role role,
      const mx::array& tensor,
      Axes axes) override;

  /// Throws Error, naming what is nearest, when the run did not come by a checkpoint.
  void finish() const;

 private:
  struct Source {
    std::shared_ptr<const Inputs> inputs;
    Found found;
    bool is_used = false;
  };

  mx::array replacement(
      const std::string& checkpoint,
      const Source& source,
      const mx::array& tensor,
      Axes axes) const;

  std::map<std::string, Source> sources_; ///< by checkpoint
  std::set<std::string> seen_;
  Observer* next_;
};

} // namespace mflux::capture
