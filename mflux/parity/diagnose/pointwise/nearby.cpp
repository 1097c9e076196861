#include "mflux/parity/diagnose/pointwise/nearby.h"

#include <algorithm>
#include <string>

namespace mflux::parity {
namespace {

constexpr size_t kMostNearby = 5;
constexpr size_t kFurthest = 40; ///< rows before this one

bool is_alike(const Scene& scene, size_t row, const Name& name) {
  return scene.rows()[row].ref->name.step == name.step;
}

std::string parent_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

} // namespace

std::vector<Nearby> nearby(const Case& at, int64_t count) {
  std::vector<size_t> rows;
  const auto add = [&](size_t row) {
    if (row != at.row && std::find(rows.begin(), rows.end(), row) == rows.end()) {
      rows.push_back(row);
    }
  };
  for (const auto& [argument, row] : at.inputs()) {
    add(row);
  }
  for (size_t back = 1; back <= std::min(kFurthest, at.row); ++back) {
    add(at.row - back);
  }
  // Where the dump carries no order, siblings may stand behind.
  const std::string around = parent_of(at.module());
  for (size_t row = at.row + 1; row < std::min(at.row + kFurthest, at.scene.rows().size()); ++row) {
    const Name& other = at.scene.rows()[row].ref->name;
    if (parent_of(other.path) == around) {
      add(row);
    }
  }
  std::vector<Nearby> out;
  for (const size_t row : rows) {
    const Row& other = at.scene.rows()[row];
    if (out.size() == kMostNearby) {
      break;
    }
    if (!is_alike(at.scene, row, at.name()) || must_be_equal(other) ||
        artifacts::element_count(other.ref->shape) != count) {
      continue;
    }
    const auto pair = at.scene.pair(row);
    // Behind in the dump what is equal was computed from this, and not this from it.
    if (pair && row > at.row && relative_error(pair->ref, at.ref) <= at.floor()) {
      continue;
    }
    const bool is_new = pair && std::none_of(out.begin(), out.end(), [&](const Nearby& known) {
                          return known.pair->ref.values == pair->ref.values;
                        });
    if (is_new) {
      out.push_back({row, pair});
    }
  }
  return out;
}

} // namespace mflux::parity
