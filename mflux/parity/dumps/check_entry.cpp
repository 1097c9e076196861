#include "mflux/parity/dumps/check_entry.h"

#include <fmt/format.h>

#include <string_view>

#include "mflux/base/error.h"

namespace mflux::parity {

void check_entry(
    const artifacts::ManifestEntry& entry, const Checkpoint& checkpoint, const std::string& where) {
  const auto contradicted = [&](std::string_view what, const std::string& said, const auto& held) {
    throw Error(fmt::format(
        "{}: {} {} {}, but the file {} holds {}",
        where,
        checkpoint.text,
        what,
        said,
        entry.file,
        held));
  };
  artifacts::Shape expected = entry.shape.value_or(checkpoint.shape);
  if (entry.slice) {
    artifacts::Shape cut;
    for (const auto& range : *entry.slice) {
      cut.push_back(range.second - range.first);
    }
    bool fits = !entry.shape || entry.shape->size() == cut.size();
    for (size_t axis = 0; fits && entry.shape && axis < cut.size(); ++axis) {
      fits = (*entry.slice)[axis].second <= (*entry.shape)[axis];
    }
    if (!fits) {
      throw Error(fmt::format(
          "{}: the slice of {} reaches outside its shape {}",
          where,
          checkpoint.text,
          artifacts::to_string(*entry.shape)));
    }
    expected = std::move(cut);
  }
  if (expected != checkpoint.shape) {
    contradicted(
        entry.slice ? "has a slice of shape" : "has the shape",
        artifacts::to_string(expected),
        artifacts::to_string(checkpoint.shape));
  }
  const std::string dtype = entry.dtype == "float8_e4m3fn" ? "float8_e4m3" : entry.dtype;
  if (!dtype.empty() && dtype != name_of(checkpoint.dtype)) {
    contradicted("has the dtype", entry.dtype, name_of(checkpoint.dtype));
  }
}

} // namespace mflux::parity
