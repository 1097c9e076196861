#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mflux/parity/bisect/survey.h"
#include "mflux/parity/dumps/module_tree.h"

namespace mflux::parity {

/// Calls of modules, as nodes of a ModuleTree.
using Nodes = std::vector<size_t>;

/// The modules that a survey implies, and which of its spots were captured. A module *runs* when it
/// has checkpoints of its own, as lists of modules have not.
class CalledModules {
 public:
  /// `survey` must outlive it; `captured` are its spots.
  CalledModules(const Survey& survey, const std::vector<size_t>& captured);

  size_t node_of(size_t spot) const {
    return tree_.node_of(spot);
  }

  bool has_inputs(size_t node) const {
    return !tree_.nodes()[node].inputs.empty();
  }

  /// Its inputs and outputs.
  std::vector<size_t> spots_of(size_t node) const;

  /// The spot that comes first or last of them.
  size_t first(size_t node) const;
  size_t last(size_t node) const;

  /// Whether not all of them were captured.
  bool is_new(size_t node) const;

  /// The modules that run inside a module with none between that runs itself, in order; 0 is the
  /// run.
  Nodes inside(size_t node) const;
  Nodes new_inside(size_t node) const;

  /// The module in whose forward a module is called; 0 is the run.
  size_t around(size_t node) const;

  /// With its call and step.
  std::string name(size_t node) const;

 private:
  bool runs(size_t node) const;
  void add_inside(size_t node, Nodes& nodes) const;

  const Survey& survey_;
  ModuleTree tree_;
  std::vector<bool> is_captured_;
};

} // namespace mflux::parity
