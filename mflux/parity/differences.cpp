#include "mflux/parity/differences.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {
namespace {

constexpr size_t kShown = 5;

std::string place(int64_t index, const artifacts::Shape& shape) {
  artifacts::Shape at(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    at[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return artifacts::to_string(at);
}

/// A value of the reader's tile with all its digits.
std::string value_text(const TileReader& reader, size_t i) {
  switch (reader.domain()) {
    case Domain::integer:
      return fmt::format("{}", reader.integers()[i]);
    case Domain::natural:
      return fmt::format("{}", reader.naturals()[i]);
    case Domain::single:
      return fmt::format("{:g}", reader.singles()[i]);
    case Domain::real:
      break;
  }
  return fmt::format("{:g}", reader.reals()[i]);
}

bool differ(const TileReader& a, const TileReader& b, size_t i) {
  if (a.domain() == Domain::integer && b.domain() == Domain::integer) {
    return a.integers()[i] != b.integers()[i];
  }
  return value_text(a, i) != value_text(b, i);
}

} // namespace

std::string describe_differences(const TensorPair& tensors, int64_t unequal) {
  TileReader ref(tensors.ref), port(tensors.port);
  std::vector<std::string> shown;
  for (int64_t begin = 0; begin < ref.count() && shown.size() < kShown; begin += kTile) {
    const auto size = static_cast<size_t>(std::min(kTile, ref.count() - begin));
    ref.load(begin, size);
    port.load(begin, size);
    for (size_t i = 0; i < size && shown.size() < kShown; ++i) {
      if (differ(ref, port, i)) {
        shown.push_back(fmt::format(
            "{} is {}, not {}",
            place(begin + static_cast<int64_t>(i), tensors.ref.shape),
            value_text(port, i),
            value_text(ref, i)));
      }
    }
    ref.done_with(begin, begin + static_cast<int64_t>(size));
    port.done_with(begin, begin + static_cast<int64_t>(size));
  }
  const bool more = unequal > static_cast<int64_t>(shown.size());
  return fmt::format(
      "{} of {} differ: {}{}", unequal, ref.count(), fmt::join(shown, "; "), more ? "; …" : "");
}

} // namespace mflux::parity
