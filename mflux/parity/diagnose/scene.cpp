#include "mflux/parity/diagnose/scene.h"

#include <algorithm>
#include <cmath>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

constexpr size_t kRecentBytes = size_t{1} << 30;

size_t bytes_of(const FieldPair& pair) {
  return (pair.ref.values.size() + pair.port.values.size()) * sizeof(double);
}

/// What is not finite on both sides alike says nothing about a difference.
void drop_nonfinite(FieldPair& pair) {
  const bool is_laid_over = pair.ref.values.size() == pair.port.values.size();
  const auto is_finite = [](double value) { return std::isfinite(value); };
  if (!is_laid_over) {
    pair.finite = std::all_of(pair.ref.values.begin(), pair.ref.values.end(), is_finite) &&
                  std::all_of(pair.port.values.begin(), pair.port.values.end(), is_finite);
    return;
  }
  for (size_t i = 0; i < pair.ref.values.size(); ++i) {
    double& a = pair.ref.values[i];
    double& b = pair.port.values[i];
    if (is_finite(a) && is_finite(b)) {
      continue;
    }
    pair.finite &= a == b || (std::isnan(a) && std::isnan(b));
    a = b = 0;
  }
}

/// The spellings under which a module's parameter may be dumped.
std::vector<std::string> spellings(const std::string& name) {
  std::vector<std::string> out = {name};
  const size_t dot = name.find('.');
  if (dot != std::string::npos) {
    const std::string rest = name.substr(dot + 1);
    out.push_back(rest);
    out.push_back(name.substr(0, dot) + ".model." + rest);
    if (rest.rfind("model.", 0) == 0) {
      out.push_back(rest.substr(6));
    }
  }
  return out;
}

} // namespace

Scene::Scene(const Comparison& comparison) : comparison_(comparison), sources_(comparison.rows) {
  for (size_t r = 0; r < comparison.rows.size(); ++r) {
    by_name_.emplace(comparison.rows[r].ref->text, r);
  }
}

std::optional<size_t> Scene::find(const std::string& name) const {
  const auto found = by_name_.find(canonical(parse_name(name)));
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::shared_ptr<const FieldPair> Scene::read(const Row& row) const {
  if (!row.port || artifacts::element_count(row.ref->shape) > kMostElements ||
      artifacts::element_count(row.port->shape) > kMostElements) {
    return nullptr;
  }
  try {
    const TensorPair tensors = load_pair(comparison_.ref, comparison_.port, row);
    auto pair = std::make_shared<FieldPair>();
    pair->ref = field_of(tensors.ref);
    pair->port = field_of(tensors.port);
    drop_nonfinite(*pair);
    return pair;
  } catch (const SliceError&) {
    return nullptr;
  }
}

std::shared_ptr<const FieldPair> Scene::pair(size_t row) const {
  if (const auto known = recent_.find(row); known != recent_.end()) {
    return known->second;
  }
  const auto pair = read(rows()[row]);
  const size_t bytes = pair ? bytes_of(*pair) : 0;
  if (recent_bytes_ + bytes > kRecentBytes) {
    recent_.clear();
    recent_bytes_ = 0;
  }
  recent_.emplace(row, pair);
  recent_bytes_ += bytes;
  return pair;
}

std::shared_ptr<const Field> Scene::weight(Side side, const std::string& name) const {
  const Dump& dump = side == Side::ref ? comparison_.ref : comparison_.port;
  for (const auto& spelling : spellings(name)) {
    const auto found =
        std::find_if(dump.weights().begin(), dump.weights().end(), [&](const Checkpoint& weight) {
          return weight.name.path == spelling;
        });
    if (found != dump.weights().end() && artifacts::element_count(found->shape) <= kMostElements) {
      return std::make_shared<const Field>(field_of(dump.load(*found)));
    }
  }
  return nullptr;
}

} // namespace mflux::parity
