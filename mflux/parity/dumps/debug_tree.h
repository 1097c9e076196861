#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mflux/artifacts/manifest.h"

namespace mflux::parity {

/// The end of the file in which transformers' model_addition_debugger lists a model's calls.
inline constexpr std::string_view kDebugTree = "_debug_tree_FULL_TENSORS.json";

/// A folder of transformers' model_addition_debugger_context(use_repr=False).
struct DebugTree {
  std::vector<artifacts::ManifestEntry> checkpoints; ///< in execution order
  std::vector<std::string> remarks;
  std::set<std::string> left_out; ///< tensor files of the model that the tree does not list
};

/// Reads one tree; `files` are the names of the folder's files. Checkpoints are named as PyTorch's
/// hooks name modules, the model's class first: Qwen3Model.layers.0.mlp, its inputs
/// Qwen3Model.layers.0.in.0 (positional) and .in.position_ids; .out.0, … where there are several.
/// The debugger overwrites the files of a module that is called again: its last call is read.
/// Throws Error when the tree is none, or holds the tensors as text (use_repr=True).
DebugTree read_debug_tree(const std::filesystem::path& path, const std::vector<std::string>& files);

} // namespace mflux::parity
