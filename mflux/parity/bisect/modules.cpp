#include "mflux/parity/bisect/modules.h"

#include <algorithm>

namespace mflux::parity {
namespace {

std::vector<const Name*> names_of(const Survey& survey) {
  std::vector<const Name*> names;
  for (const auto& spot : survey.spots) {
    names.push_back(&spot.name);
  }
  return names;
}

std::string module_of(Name name) {
  name.role = Role::out;
  name.argument.clear();
  name.output.clear();
  return canonical(name);
}

} // namespace

CalledModules::CalledModules(const Survey& survey, const std::vector<size_t>& captured)
    : survey_(survey), tree_(names_of(survey)), is_captured_(survey.spots.size()) {
  for (const size_t spot : captured) {
    is_captured_[spot] = true;
  }
}

std::vector<size_t> CalledModules::spots_of(size_t node) const {
  auto spots = tree_.nodes()[node].inputs;
  const auto& outputs = tree_.nodes()[node].outputs;
  spots.insert(spots.end(), outputs.begin(), outputs.end());
  return spots;
}

size_t CalledModules::first(size_t node) const {
  const auto spots = spots_of(node);
  return *std::min_element(spots.begin(), spots.end());
}

size_t CalledModules::last(size_t node) const {
  const auto spots = spots_of(node);
  return *std::max_element(spots.begin(), spots.end());
}

bool CalledModules::is_new(size_t node) const {
  const auto spots = spots_of(node);
  return std::any_of(spots.begin(), spots.end(), [&](size_t spot) { return !is_captured_[spot]; });
}

Nodes CalledModules::inside(size_t node) const {
  Nodes nodes;
  add_inside(node, nodes);
  std::sort(nodes.begin(), nodes.end(), [&](size_t a, size_t b) { return first(a) < first(b); });
  return nodes;
}

Nodes CalledModules::new_inside(size_t node) const {
  Nodes nodes = inside(node);
  nodes.erase(
      std::remove_if(nodes.begin(), nodes.end(), [&](size_t n) { return !is_new(n); }),
      nodes.end());
  return nodes;
}

size_t CalledModules::around(size_t node) const {
  size_t at = tree_.nodes()[node].parent;
  while (at != 0 && !runs(at)) {
    at = tree_.nodes()[at].parent;
  }
  return at;
}

std::string CalledModules::name(size_t node) const {
  return node == 0 ? "the run" : module_of(survey_.spots[first(node)].name);
}

bool CalledModules::runs(size_t node) const {
  return !tree_.nodes()[node].inputs.empty() || !tree_.nodes()[node].outputs.empty();
}

void CalledModules::add_inside(size_t node, Nodes& nodes) const {
  for (const size_t child : tree_.nodes()[node].children) {
    if (runs(child)) {
      nodes.push_back(child);
    } else {
      add_inside(child, nodes);
    }
  }
}

} // namespace mflux::parity
