#include "mflux/parity/diagnose/layout/slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "mflux/parity/diagnose/layout/kind.h"
#include "mflux/parity/diagnose/layout/sampling.h"
#include "mflux/parity/diagnose/layout/slice_order.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {
namespace {

/// Of parts that are concatenated in another order.
constexpr size_t kMostParts = 8;

/// Of heads that stand in any order.
constexpr size_t kMostHeads = 128;

constexpr int64_t kLongestAxis = 1 << 16;

constexpr int64_t kMostRolls = 1 << 13;

std::vector<int64_t> counting(int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

bool is_reversed(const SliceOrder& order) {
  const auto n = static_cast<int64_t>(order.source.size());
  for (int64_t i = 0; i < n; ++i) {
    if (order.source[static_cast<size_t>(i)] != n - 1 - i) {
      return false;
    }
  }
  return n > 2;
}

/// Parts of an axis split in (a, b), read as (b, a): a layout, and no parts put together.
bool is_transposed(const std::vector<SliceRun>& runs) {
  int64_t unit = 0, n = 0;
  for (const auto& run : runs) {
    unit = std::gcd(unit, std::gcd(run.begin, run.count));
    n += run.count;
  }
  std::vector<int64_t> source;
  for (const auto& run : runs) {
    for (int64_t i = 0; i < run.count; i += unit) {
      source.push_back((run.begin + i) / unit);
    }
  }
  n /= unit;
  for (int64_t a = 2; a <= n / 2; ++a) {
    const int64_t b = n / a;
    bool is = n % a == 0;
    for (int64_t k = 0; is && k < n; ++k) {
      is = source[static_cast<size_t>(k)] == k % a * b + k / a;
    }
    if (is) {
      return true;
    }
  }
  return false;
}

bool are_alike(const std::vector<SliceRun>& runs) {
  return std::all_of(runs.begin(), runs.end(), [&](const SliceRun& run) {
    return run.count == runs.front().count;
  });
}

/// Whether a run of the reference's slices holds zeros alone: padding, and no part.
bool has_empty_run(const Field& field, const SliceOrder& order, const std::vector<SliceRun>& runs) {
  int64_t inner = 1;
  for (size_t k = static_cast<size_t>(order.axis) + 1; k < field.shape.size(); ++k) {
    inner *= field.shape[k];
  }
  const auto extent = static_cast<int64_t>(order.source.size());
  std::vector<bool> is_empty(order.source.size(), true);
  for (int64_t i = 0; i < field.count(); ++i) {
    if (field.values[static_cast<size_t>(i)] != 0) {
      is_empty[static_cast<size_t>(i / inner % extent)] = false;
    }
  }
  return std::any_of(runs.begin(), runs.end(), [&](const SliceRun& run) {
    const auto begin = is_empty.begin() + run.begin;
    return std::all_of(begin, begin + run.count, [](bool empty) { return empty; });
  });
}

std::string id_of(const Case& at, const SliceOrder& order, const std::vector<SliceRun>& runs) {
  if (is_reversed(order)) {
    return "layout.permute";
  }
  const bool is_last = order.axis + 1 == at.ref.rank();
  const bool are_heads = runs.size() > 2 && are_alike(runs) && is_in_attention(at);
  const bool is_head_axis = at.ref.rank() == 4 && !is_last && runs.size() > kMostParts;
  return are_heads || is_head_axis ? "layout.heads" : "concat.order";
}

std::string describe(const SliceOrder& order, const std::vector<SliceRun>& runs) {
  if (is_reversed(order)) {
    return fmt::format("reversed along axis {}", order.axis);
  }
  std::string parts;
  for (size_t k = 0; k < std::min(runs.size(), kMostParts); ++k) {
    parts += fmt::format("{}[{}:{}]", k ? ", " : "", runs[k].begin, runs[k].begin + runs[k].count);
  }
  return fmt::format(
      "along axis {} the port holds the reference's {}{}",
      order.axis,
      parts,
      runs.size() > kMostParts ? ", …" : "");
}

/// What `parity try` undoes it with, where one transform does.
std::string chain_of(const SliceOrder& order, const std::vector<SliceRun>& runs) {
  if (is_reversed(order)) {
    return to_string(Transform{Flip{order.axis}});
  }
  return runs.size() == 2 ? to_string(Transform{Roll{order.axis, runs.front().begin}}) : "";
}

void add(const Case& at, const SliceOrder& order, Proposals& proposals) {
  const auto runs = runs_of(order);
  if (runs.size() < 2 || is_transposed(runs) || has_empty_run(at.ref, order, runs)) {
    return;
  }
  proposals.add(
      {id_of(at, order, runs),
       [&at, order, runs](const Half&) -> std::optional<Prediction> {
         return Prediction{
             with_slices(at.ref, order), chain_of(order, runs), describe(order, runs)};
       },
       false});
}

/// The orders along one axis that a few samples speak for.
class Search {
 public:
  explicit Search(const Case& at) : at_(at), places_(sample_places(at)) {}

  void consider(const SliceOrder& order) {
    const double value = correlation_of(
        at_, places_, [&](int64_t place) { return source_of(order, at_.ref.shape, place); });
    if (value >= kLeastCorrelation && value > best_) {
      best_ = value;
      found_ = order;
    }
  }

  const std::optional<SliceOrder>& found() const {
    return found_;
  }

 private:
  const Case& at_;
  std::vector<int64_t> places_;
  double best_ = 0;
  std::optional<SliceOrder> found_;
};

/// Two parts, of any sizes.
void consider_rolls(Search& search, int64_t axis, int64_t extent) {
  SliceOrder order{axis, counting(extent)};
  for (int64_t cut = 1; cut < extent && cut < kMostRolls; ++cut) {
    std::rotate(order.source.begin(), order.source.begin() + 1, order.source.end());
    search.consider(order);
  }
}

/// Up to six parts of one size.
void consider_chunks(Search& search, int64_t axis, int64_t extent) {
  for (const int64_t parts : {2, 3, 4, 5, 6}) {
    if (extent % parts != 0) {
      continue;
    }
    const int64_t size = extent / parts;
    auto chunks = counting(parts);
    while (std::next_permutation(chunks.begin(), chunks.end())) {
      SliceOrder order{axis, {}};
      for (const int64_t chunk : chunks) {
        for (int64_t i = 0; i < size; ++i) {
          order.source.push_back(chunk * size + i);
        }
      }
      search.consider(order);
    }
  }
}

/// Parts of one size, the last first.
void consider_reversed(Search& search, int64_t axis, int64_t extent) {
  for (int64_t size = 1; size <= extent / 2; ++size) {
    if (extent % size != 0) {
      continue;
    }
    SliceOrder order{axis, {}};
    for (int64_t begin = extent - size; begin >= 0; begin -= size) {
      for (int64_t i = 0; i < size; ++i) {
        order.source.push_back(begin + i);
      }
    }
    search.consider(order);
  }
}

void propose_matched(const Case& at, int64_t axis, Proposals& proposals) {
  SliceOrder order{axis, match_slices(at, axis)};
  if (order.source.empty()) {
    return;
  }
  const auto runs = runs_of(order);
  const bool are_heads = at.ref.rank() == 4 && order.source.size() <= kMostHeads && axis > 0 &&
                         axis + 1 < at.ref.rank();
  if (runs.size() > 2 && (runs.size() <= kMostParts || (are_heads && is_in_attention(at)))) {
    add(at, order, proposals);
  }
}

} // namespace

void propose_slices(const Case& at, Proposals& proposals) {
  if (!at.same_shape) {
    return;
  }
  Search search(at);
  for (int64_t axis = 0; axis < at.ref.rank(); ++axis) {
    const int64_t extent = at.ref.shape[static_cast<size_t>(axis)];
    if (extent < 2 || extent > kLongestAxis) {
      continue;
    }
    consider_rolls(search, axis, extent);
    consider_chunks(search, axis, extent);
    consider_reversed(search, axis, extent);
    propose_matched(at, axis, proposals);
  }
  if (search.found()) {
    add(at, *search.found(), proposals);
  }
}

} // namespace mflux::parity
