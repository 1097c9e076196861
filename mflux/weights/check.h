#pragma once

#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/weights/scope.h"

namespace mflux {

/// What a module tree asks of a checkpoint.
struct Declared {
  Schema parameters;
  std::vector<std::string> unused_by_design; ///< globs over what else may be there
};

/// The same of Model(Scope, args…); no weights are read.
template <typename Model, typename... Args>
Declared declare(const Args&... args) {
  const Loader loader{Weights{}};
  const Model model(loader.root(), args...);
  Declared out{loader.asked(), {}};
  if constexpr (requires { Model::kUnusedByDesign; }) {
    out.unused_by_design = {std::begin(Model::kUnusedByDesign), std::end(Model::kUnusedByDesign)};
  } else if constexpr (requires { model.unused_by_design(); }) {
    out.unused_by_design = model.unused_by_design();
  }
  return out;
}

/// One tensor that does not fit, and why.
struct Misfit {
  std::string kind; ///< "missing", "unused", "misshapen", "mistyped"
  std::string name, detail;
};

struct Fit {
  std::vector<Misfit> misfits;               ///< all of them, by name
  std::vector<std::string> unused_by_design; ///< that are there
};

/// Every declared parameter against every tensor of a checkpoint.
Fit check_fit(const Declared& declared, const artifacts::Artifact& checkpoint);

} // namespace mflux
