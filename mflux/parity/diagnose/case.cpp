#include "mflux/parity/diagnose/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace mflux::parity {
namespace {

constexpr std::array<const char*, 8> kMainArguments = {
    "", "hidden_states", "x", "input", "sample", "z", "inputs_embeds", "hidden_state"};

std::string with_step(const std::string& name, const Name& like) {
  return like.step ? fmt::format("{}@step={}", name, *like.step) : name;
}

std::string call_of(const Name& name) {
  return name.call == 1 ? name.path : fmt::format("{}.call{}", name.path, name.call);
}

} // namespace

Case::Case(const Scene& of, size_t index, std::shared_ptr<const FieldPair> pair)
    : scene(of),
      row(index),
      ref(pair->ref),
      port(pair->port),
      same_shape(pair->ref.shape == pair->port.shape),
      owned_(std::move(pair)) {}

double Case::before() const {
  return same_shape ? relative_error(port, ref) : std::numeric_limits<double>::infinity();
}

std::vector<std::pair<std::string, size_t>> Case::inputs() const {
  std::vector<std::pair<std::string, size_t>> out;
  if (name().role != Role::out) {
    return out;
  }
  for (size_t r = 0; r < scene.rows().size(); ++r) {
    const Name& other = scene.rows()[r].ref->name;
    if (other.role == Role::in && other.path == name().path && other.call == name().call &&
        other.step == name().step) {
      out.emplace_back(other.argument, r);
    }
  }
  return out;
}

std::shared_ptr<const FieldPair> Case::input() const {
  const auto all = inputs();
  for (const char* argument : kMainArguments) {
    for (const auto& [name, r] : all) {
      if (name == argument || name == fmt::format("{}.0", argument)) {
        return scene.pair(r);
      }
    }
  }
  return all.size() == 1 ? scene.pair(all.front().second) : nullptr;
}

std::shared_ptr<const FieldPair> Case::sibling(const std::string& text) const {
  const std::string full = text.rfind('.', 0) == 0 ? call_of(name()) + text : text;
  const auto found = scene.find(with_step(full, name()));
  return found ? scene.pair(*found) : nullptr;
}

std::shared_ptr<const Field> Case::weight(Side side, const std::string& parameter) const {
  return scene.weight(side, module() + "." + parameter);
}

Case Case::after(Field explained) const {
  auto pair = std::make_shared<FieldPair>();
  pair->ref = std::move(explained);
  pair->ref.shape = port.shape;
  pair->port = port;
  Case next(scene, row, std::move(pair));
  next.is_first = false;
  return next;
}

double residual(const Case& at, const Field& field) {
  return field.count() == at.port.count() ? relative_error(at.port, field)
                                          : std::numeric_limits<double>::infinity();
}

} // namespace mflux::parity
