#include "mflux/models/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"
#include "mflux/models/flux2/port.h"

namespace mflux::models {
namespace {

template <typename Named>
const Named& find(const std::vector<Named>& all, const std::string& name, const char* what) {
  std::vector<std::string> names;
  for (const auto& one : all) {
    if (one.name == name) {
      return one;
    }
    names.emplace_back(one.name);
  }
  const auto near = nearest(name, names);
  throw Error(fmt::format(
      "no {} is called \"{}\"{}; there are {}",
      what,
      name,
      near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
      fmt::join(names, ", ")));
}

} // namespace

const std::vector<Port>& ports() {
  static const std::vector<Port> all{flux2::klein_port()};
  return all;
}

const Port& find_port(const std::string& name) {
  return find(ports(), name, "model");
}

const Component& find_component(const Port& port, const std::string& name) {
  return find(port.components, name, "component");
}

} // namespace mflux::models
