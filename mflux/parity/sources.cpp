#include "mflux/parity/sources.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/parity/dumps/pipeline.h"

namespace mflux::parity {
namespace {

std::vector<const Name*> names_of(const std::vector<Row>& rows) {
  std::vector<const Name*> names;
  for (const auto& row : rows) {
    names.push_back(&row.ref->name);
  }
  return names;
}

bool is_index(const std::string& segment) {
  return std::all_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

Sources::Sources(const std::vector<Row>& rows) : rows_(rows), tree_(names_of(rows)) {}

/// The outputs dumped nearest below `of`, of rows before `before`, leaving out the subtree
/// `except`.
void Sources::add_nearest_outputs(
    size_t of, size_t before, size_t except, std::vector<size_t>& out) const {
  for (const size_t child : node(of).children) {
    if (child == except) {
      continue;
    }
    if (node(child).outputs.empty()) {
      add_nearest_outputs(child, before, except, out);
      continue;
    }
    for (const size_t row : node(child).outputs) {
      if (row < before) {
        out.push_back(row);
      }
    }
  }
}

/// The nearest node above `start` whose inputs were dumped; 0 when none were.
size_t Sources::enclosing(size_t start) const {
  size_t at = start;
  while (at != 0 && node(at).inputs.empty()) {
    at = node(at).parent;
  }
  return at;
}

void Sources::add_top_level(const std::string& name, int step, std::vector<size_t>& out) const {
  for (const size_t child : node(0).children) {
    if (node(child).segment == name && node(child).step == step) {
      const auto& outputs = node(child).outputs;
      out.insert(out.end(), outputs.begin(), outputs.end());
    }
  }
}

/// What a top-level node was made from, as far as the well-known names tell.
std::vector<size_t> Sources::from_pipeline(size_t top) const {
  std::vector<size_t> out;
  const int step = node(top).step;
  for (auto name : made_from(node(top).segment)) {
    const bool of_step_before = name.size() > 2 && name.substr(name.size() - 2) == "-1";
    if (of_step_before) {
      name.resize(name.size() - 2);
      if (step > 1) {
        add_top_level(name, step - 1, out);
        continue;
      }
      add_top_level("latents_packed", 0, out);
      add_top_level("latents_initial", 0, out);
      continue;
    }
    const size_t found = out.size();
    add_top_level(name, step, out);
    if (out.size() == found && step > 0) {
      add_top_level(name, 0, out);
    }
    if (step == 0 && name == "latents") { // what the last step left
      int last = 0;
      for (const size_t child : node(0).children) {
        if (node(child).segment == name) {
          last = std::max(last, node(child).step);
        }
      }
      add_top_level(name, last, out);
    }
  }
  return out;
}

/// What the inputs of row `r`'s module come from.
std::optional<std::vector<size_t>> Sources::around(size_t r) const {
  const size_t module = tree_.node_of(r);
  const auto path = tree_.path_to(module);
  const size_t top = path.front();
  const size_t outer = enclosing(node(module).parent);
  std::vector<size_t> out = outer == 0 ? from_pipeline(top) : node(outer).inputs;
  if (out.empty()) {
    return std::nullopt;
  }
  // Beside every module on the way down from the outer one, what ran before.
  for (auto at = std::find(path.begin(), path.end(), outer == 0 ? top : outer);
       at != path.end() && at + 1 != path.end();
       ++at) {
    add_nearest_outputs(*at, r, *(at + 1), out);
  }
  return out;
}

std::optional<std::vector<size_t>> Sources::of(size_t r) const {
  const size_t module = tree_.node_of(r);
  if (rows_[r].ref->name.role == Role::in) {
    const auto outer = around(r);
    const bool is_fed = !outer && node(module).parent == 0;
    return is_fed ? std::optional(std::vector<size_t>()) : outer;
  }
  std::vector<size_t> out = node(module).inputs;
  add_nearest_outputs(module, rows_.size(), 0, out);
  if (node(module).inputs.empty()) {
    const auto outer = around(r);
    if (!outer) {
      return std::nullopt;
    }
    out.insert(out.end(), outer->begin(), outer->end());
  }
  return out;
}

bool Sources::has_own_inputs(size_t r) const {
  return !node(tree_.node_of(r)).inputs.empty();
}

std::string Sources::name_of_node(size_t index) const {
  const auto path = tree_.path_to(index);
  std::string name;
  for (const size_t at : path) {
    name += (name.empty() ? "" : ".") + node(at).segment;
  }
  for (const std::string_view part : {"decode", "encode"}) {
    const std::string root = fmt::format("vae.{}.", part);
    if (name.rfind(root, 0) == 0) { // vae.decode holds vae.decoder.*
      name = "vae." + name.substr(root.size());
    }
  }
  return name;
}

std::string Sources::module_around(size_t r) const {
  size_t at = node(tree_.node_of(r)).parent;
  // blocks.3 is called by the module that holds the list "blocks".
  size_t child = tree_.node_of(r);
  while (at != 0 && node(at).inputs.empty() && node(at).outputs.empty() &&
         is_index(node(child).segment)) {
    child = at;
    at = node(at).parent;
  }
  return at == 0 ? "pipeline" : name_of_node(at);
}

std::string Sources::ran_before(size_t r) const {
  const auto sources = around(r);
  if (!sources) {
    return {};
  }
  std::optional<size_t> last;
  for (const size_t source : *sources) {
    if (rows_[source].ref->name.role == Role::out && source < r && (!last || source > *last)) {
      last = source;
    }
  }
  return last ? name_of_node(tree_.node_of(*last)) : std::string();
}

} // namespace mflux::parity
