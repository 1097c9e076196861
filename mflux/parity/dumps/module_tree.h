#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "mflux/parity/dumps/names.h"

namespace mflux::parity {

/// A call of a module (or a spot that is no module), as the names of its checkpoints place it.
struct ModuleNode {
  std::string segment; ///< "attn"; at the top the component, or a pipeline checkpoint
  int call = 1;
  int step = 0; ///< of the loop; 0 outside
  size_t parent = 0;
  std::vector<size_t> children;
  std::vector<size_t> inputs, outputs; ///< indices into the list of names
};

/// The modules that a list of checkpoint names implies, one subtree per step. Node 0 is the root,
/// the pipeline.
class ModuleTree {
 public:
  explicit ModuleTree(const std::vector<const Name*>& names);

  const std::vector<ModuleNode>& nodes() const {
    return nodes_;
  }

  /// The node that a name belongs to.
  size_t node_of(size_t name) const {
    return node_of_[name];
  }

  /// From the top-level node down to `node`, the root left out.
  std::vector<size_t> path_to(size_t node) const;

 private:
  size_t child(size_t parent, const std::string& segment, int call, int step);

  std::vector<ModuleNode> nodes_{1};
  std::vector<size_t> node_of_;
  std::unordered_map<std::string, size_t> by_key_;
};

} // namespace mflux::parity
