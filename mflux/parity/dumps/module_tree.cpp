#include "mflux/parity/dumps/module_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace mflux::parity {
namespace {

/// Deeper names are no module paths; the rest of one stays a single segment.
constexpr size_t kMaxDepth = 100;

std::vector<std::string> segments_of(const Name& name) {
  auto segments = modules_of(name);
  if (segments.size() > kMaxDepth) {
    segments[kMaxDepth - 1] = join({segments.begin() + kMaxDepth - 1, segments.end()}, '.');
    segments.resize(kMaxDepth);
  }
  return segments;
}

std::string call_key(const std::string& path, int call, int step) {
  return fmt::format("{}\n{}\n{}", path, call, step);
}

} // namespace

ModuleTree::ModuleTree(const std::vector<const Name*>& names) {
  std::unordered_set<std::string> called; // the calls after the first that were dumped
  for (const Name* name : names) {
    if (name->call > 1) {
      called.insert(call_key(join(segments_of(*name), '/'), name->call, name->step.value_or(0)));
    }
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const Name& name = *names[i];
    const int step = name.step.value_or(0);
    const auto segments = segments_of(name);
    size_t node = 0;
    std::string path;
    for (const auto& segment : segments) {
      path += (path.empty() ? "" : "/") + segment;
      const bool same_call = &segment == &segments.back() ||
                             (name.call > 1 && called.count(call_key(path, name.call, step)) > 0);
      node = child(node, segment, same_call ? name.call : 1, step);
    }
    node_of_.push_back(node);
    (name.role == Role::in ? nodes_[node].inputs : nodes_[node].outputs).push_back(i);
  }
}

size_t ModuleTree::child(size_t parent, const std::string& segment, int call, int step) {
  const auto [found, fresh] =
      by_key_.emplace(fmt::format("{}\n{}\n{}\n{}", parent, call, step, segment), nodes_.size());
  if (fresh) {
    ModuleNode node;
    node.segment = segment;
    node.call = call;
    node.step = step;
    node.parent = parent;
    nodes_.push_back(std::move(node));
    nodes_[parent].children.push_back(found->second);
  }
  return found->second;
}

std::vector<size_t> ModuleTree::path_to(size_t node) const {
  std::vector<size_t> path;
  for (; node != 0; node = nodes_[node].parent) {
    path.push_back(node);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

} // namespace mflux::parity
