#include "mflux/parity/dumps/debug_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::parity {
namespace {

constexpr std::string_view kTensorFile = ".safetensors";

/// A tensor among the arguments or results of a call: where it stands, and its file.
struct Leaf {
  std::string place; ///< ".0", ".hidden_states", ".position_embeddings.1"
  std::string file;
};

class TreeReader {
 public:
  explicit TreeReader(const std::vector<std::string>& files) : files_(files) {}

  DebugTree read(const Json& tree) && {
    root_ = module_of(tree);
    visit(tree);
    add_results_of_root();
    if (out_.checkpoints.empty()) {
      throw Error(
          "holds its tensors as text: dump again with "
          "model_addition_debugger_context(…, use_repr=False)");
    }
    keep_last_calls();
    note_left_out();
    return std::move(out_);
  }

 private:
  static std::string module_of(const Json& node) {
    const auto found = node.is_object() ? node.find("module_path") : node.end();
    if (!node.is_object() || found == node.end() || !found->is_string()) {
      throw Error("is no tree of calls: a node has no \"module_path\"");
    }
    return found->get<std::string>();
  }

  /// Inputs, what runs inside, outputs.
  void visit(const Json& node) {
    const std::string module = module_of(node);
    const int call = ++calls_[module];
    const std::string name = call == 1 ? module : fmt::format("{}.call{}", module, call);
    std::vector<Leaf> inputs, outputs;
    if (const auto found = node.find("inputs"); found != node.end() && found->is_object()) {
      for (const auto& [kind, arguments] : found->items()) {
        collect(arguments, "", inputs);
      }
    }
    add(name + ".in", inputs, "");
    if (const auto found = node.find("children"); found != node.end() && found->is_array()) {
      for (const auto& child : *found) {
        visit(child);
      }
    }
    if (const auto found = node.find("outputs"); found != node.end()) {
      collect(*found, "", outputs);
    }
    add(name, outputs, ".out");
  }

  void collect(const Json& value, const std::string& place, std::vector<Leaf>& out) const {
    if (value.is_array()) {
      for (size_t i = 0; i < value.size(); ++i) {
        collect(value[i], fmt::format("{}.{}", place, i), out);
      }
    } else if (value.is_object()) {
      const auto file = value.find("value");
      if (value.contains("shape") && value.contains("dtype") && file != value.end()) {
        if (file->is_string()) {
          out.push_back({place, without_folder(file->get<std::string>())});
        }
        return;
      }
      for (const auto& [key, inner] : value.items()) {
        collect(inner, fmt::format("{}.{}", place, key), out);
      }
    }
  }

  static std::string without_folder(const std::string& file) {
    return file.starts_with("./") ? file.substr(2) : file;
  }

  /// One tensor is `name`, several are `name` + `between` + their places.
  void add(const std::string& name, const std::vector<Leaf>& leaves, std::string_view between) {
    for (const auto& leaf : leaves) {
      artifacts::ManifestEntry entry;
      entry.name = leaves.size() == 1 ? name : fmt::format("{}{}{}", name, between, leaf.place);
      entry.file = leaf.file;
      out_.checkpoints.push_back(std::move(entry));
    }
  }

  /// The debugger writes them but takes them off the tree again.
  void add_results_of_root() {
    const std::string stem = root_ + "_outputs";
    std::vector<Leaf> leaves;
    for (const auto& file : files_) {
      if (file.starts_with(stem) && file.ends_with(kTensorFile) && !is_listed(file)) {
        const std::string rest =
            file.substr(stem.size(), file.size() - stem.size() - kTensorFile.size());
        leaves.push_back({rest.empty() ? "" : "." + rest.substr(1), file});
      }
    }
    add(root_, leaves, ".out");
  }

  bool is_listed(const std::string& file) const {
    return std::any_of(
        out_.checkpoints.begin(), out_.checkpoints.end(), [&](const artifacts::ManifestEntry& e) {
          return e.file == file;
        });
  }

  void keep_last_calls() {
    std::map<std::string, size_t> last;
    for (size_t i = 0; i < out_.checkpoints.size(); ++i) {
      last[out_.checkpoints[i].file] = i;
    }
    std::vector<artifacts::ManifestEntry> kept;
    std::string overwritten;
    for (size_t i = 0; i < out_.checkpoints.size(); ++i) {
      if (last[out_.checkpoints[i].file] == i) {
        kept.push_back(out_.checkpoints[i]);
      } else if (overwritten.empty()) {
        overwritten = out_.checkpoints[i].name;
      }
    }
    if (!overwritten.empty()) {
      out_.remarks.push_back(fmt::format(
          "{} of {} tensors were overwritten by later calls of their modules, {} first; the "
          "debugger keeps the last call only",
          out_.checkpoints.size() - kept.size(),
          out_.checkpoints.size(),
          overwritten));
    }
    out_.checkpoints = std::move(kept);
  }

  void note_left_out() {
    std::set<std::string> listed;
    for (const auto& entry : out_.checkpoints) {
      listed.insert(entry.file);
    }
    for (const auto& file : files_) {
      const bool ours = file.starts_with(root_ + ".") || file.starts_with(root_ + "_");
      if (ours && file.ends_with(kTensorFile) && listed.count(file) == 0) {
        out_.left_out.insert(file);
      }
    }
    if (!out_.left_out.empty()) {
      out_.remarks.push_back(fmt::format(
          "{} tensor files of {} are not in its tree and not read, {} first: it was pruned to its "
          "first and last layers; do_prune_layers=False keeps all",
          out_.left_out.size(),
          root_,
          *out_.left_out.begin()));
    }
  }

  const std::vector<std::string>& files_;
  std::string root_;
  std::map<std::string, int> calls_;
  DebugTree out_;
};

} // namespace

DebugTree read_debug_tree(
    const std::filesystem::path& path, const std::vector<std::string>& files) {
  const Json json = read_json(path);
  return with_context(path.string(), [&] {
    auto tree = TreeReader(files).read(json);
    for (auto& remark : tree.remarks) {
      remark = fmt::format("{}: {}", path.string(), remark);
    }
    return tree;
  });
}

} // namespace mflux::parity
