#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mflux/weights/weights.h"

namespace mflux {

namespace capture {
class Taps;
}

/// A place in a checkpoint, written the way PyTorch writes it ("blocks.0.attn.to_q").
///
/// Module constructors take a Scope and draw their tensors from it. A tensor that is missing, has
/// the wrong shape or is of integers does not stop construction: it is noted, replaced by (lazy)
/// zeros, and reported together with all the others by Loader::finish().
class Scope {
 public:
  Scope operator/(std::string_view child) const;

  mx::array take(std::string_view leaf, const mx::Shape& shape) const;

  const std::string& path() const {
    return path_;
  }

  /// Where the modules built here report what passes through them; null when nobody may watch. The
  /// scope only carries it.
  const std::shared_ptr<capture::Taps>& taps() const {
    return taps_;
  }

 private:
  friend class Loader;
  struct Session;

  Scope(std::shared_ptr<Session> session, std::shared_ptr<capture::Taps> taps, std::string path);

  std::shared_ptr<Session> session_;
  std::shared_ptr<capture::Taps> taps_;
  std::string path_;
};

/// One loading of one checkpoint into one module tree.
class Loader {
 public:
  Loader(Weights weights, std::shared_ptr<capture::Taps> taps = nullptr);

  Scope root() const;

  /// Throws one Error that lists every missing, misshapen, mistyped, doubly used and unused tensor.
  /// Names that match a glob of `unused_by_design` may stay unused. Releases what was not used.
  void finish(const std::vector<std::string>& unused_by_design = {}) const;

  /// Every parameter that was asked for, found or not.
  const Schema& asked() const;

 private:
  std::shared_ptr<Scope::Session> session_;
  std::shared_ptr<capture::Taps> taps_;
};

/// Builds a module tree, using every tensor exactly once, save those that it names: its type in
/// kUnusedByDesign, or the model itself in unused_by_design(), where it has such a member.
template <typename Model, typename... Args>
Model load(const Loader& loader, const Args&... args) {
  Model model(loader.root(), args...);
  if constexpr (requires { Model::kUnusedByDesign; }) {
    loader.finish({std::begin(Model::kUnusedByDesign), std::end(Model::kUnusedByDesign)});
  } else if constexpr (requires { model.unused_by_design(); }) {
    loader.finish(model.unused_by_design());
  } else {
    loader.finish();
  }
  return model;
}

/// The parameters that a module tree would ask for. Needs no checkpoint and allocates no tensor.
template <typename Model, typename... Args>
Schema schema_of(const Args&... args) {
  const Loader loader{Weights{}};
  const Model model(loader.root(), args...);
  return loader.asked();
}

} // namespace mflux
