#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/dumps/module_tree.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// Which dumped checkpoints each checkpoint was computed from, by their names and order.
class Sources {
 public:
  explicit Sources(const std::vector<Row>& rows);

  /// Rows that row `r` was computed from; nothing when its inputs were not dumped, an empty list
  /// for what was fed to the run. An input comes from the inputs of the module around it and the
  /// outputs of the modules that ran before it there; an output from its own module's inputs and
  /// the outputs of the modules inside.
  std::optional<std::vector<size_t>> of(size_t r) const;

  /// Whether the inputs of the module itself were dumped.
  bool has_own_inputs(size_t r) const;

  /// The module around that row's module which has a forward of its own, as its checkpoints name
  /// it; "pipeline" at the top.
  std::string module_around(size_t r) const;

  /// The last module that ran before row `r`, inside the module around it; empty when none did.
  std::string ran_before(size_t r) const;

 private:
  const ModuleNode& node(size_t index) const {
    return tree_.nodes()[index];
  }

  void add_nearest_outputs(size_t of, size_t before, size_t except, std::vector<size_t>& out) const;
  std::optional<std::vector<size_t>> around(size_t r) const;
  std::vector<size_t> from_pipeline(size_t top) const;
  void add_top_level(const std::string& name, int step, std::vector<size_t>& out) const;
  size_t enclosing(size_t start) const;
  std::string name_of_node(size_t index) const;

  const std::vector<Row>& rows_;
  ModuleTree tree_;
};

} // namespace mflux::parity
