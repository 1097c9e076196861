#include "mflux/parity/diagnose/layout/slice_order.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace mflux::parity {
namespace {

constexpr int64_t kPrints = 12;

/// Of how much of the tensor's spread two values may differ and be one.
constexpr double kSlack = 20;

struct Axis {
  int64_t extent = 1, inner = 1, outer = 1;
};

Axis axis_of(const artifacts::Shape& shape, int64_t axis) {
  Axis out;
  for (size_t k = 0; k < shape.size(); ++k) {
    const auto at = static_cast<int64_t>(k);
    (at < axis ? out.outer : at > axis ? out.inner : out.extent) *= shape[k];
  }
  return out;
}

/// A few elements of every slice along an axis.
class Prints {
 public:
  Prints(const Field& field, const Axis& axis) : field_(field), axis_(axis) {
    std::mt19937_64 generator(5);
    std::uniform_int_distribution<int64_t> anywhere(0, axis.outer * axis.inner - 1);
    const int64_t all = axis.outer * axis.inner;
    for (int64_t k = 0; k < kPrints; ++k) {
      places_.push_back(all <= kPrints ? k % all : anywhere(generator));
    }
  }

  double operator()(int64_t slice, size_t k) const {
    const int64_t o = places_[k] / axis_.inner, i = places_[k] % axis_.inner;
    return field_.values[static_cast<size_t>((o * axis_.extent + slice) * axis_.inner + i)];
  }

 private:
  const Field& field_;
  Axis axis_;
  std::vector<int64_t> places_;
};

double spread_of(const Field& field) {
  double sum = 0;
  for (const double value : field.values) {
    sum += value * value;
  }
  return std::sqrt(sum / static_cast<double>(field.count()));
}

/// Finds the reference's slice that equals one of the port's.
class Matcher {
 public:
  Matcher(const Case& at, const Axis& axis)
      : ref_(at.ref, axis), port_(at.port, axis), used_(static_cast<size_t>(axis.extent)) {
    slack_ = kSlack * at.floor() * spread_of(at.ref);
    for (int64_t slice = 0; slice < axis.extent; ++slice) {
      sorted_.emplace_back(ref_(slice, 0), slice);
    }
    std::sort(sorted_.begin(), sorted_.end());
  }

  /// -1 when there is none. `guess` is tried first.
  int64_t find(int64_t slice, int64_t guess) {
    if (guess >= 0 && guess < static_cast<int64_t>(used_.size()) && is(slice, guess)) {
      return use(guess);
    }
    const double value = port_(slice, 0);
    auto at =
        std::lower_bound(sorted_.begin(), sorted_.end(), std::pair(value - slack_, int64_t{-1}));
    for (; at != sorted_.end() && at->first <= value + slack_; ++at) {
      if (is(slice, at->second)) {
        return use(at->second);
      }
    }
    return -1;
  }

 private:
  bool is(int64_t slice, int64_t candidate) const {
    if (used_[static_cast<size_t>(candidate)]) {
      return false;
    }
    for (size_t k = 0; k < static_cast<size_t>(kPrints); ++k) {
      if (std::abs(port_(slice, k) - ref_(candidate, k)) > slack_) {
        return false;
      }
    }
    return true;
  }

  int64_t use(int64_t slice) {
    used_[static_cast<size_t>(slice)] = true;
    return slice;
  }

  Prints ref_, port_;
  std::vector<bool> used_;
  double slack_ = 0;
  std::vector<std::pair<double, int64_t>> sorted_;
};

} // namespace

std::vector<SliceRun> runs_of(const SliceOrder& order) {
  std::vector<SliceRun> runs;
  for (const int64_t source : order.source) {
    if (!runs.empty() && source == runs.back().begin + runs.back().count) {
      ++runs.back().count;
    } else {
      runs.push_back({source, 1});
    }
  }
  return runs;
}

int64_t source_of(const SliceOrder& order, const artifacts::Shape& shape, int64_t i) {
  const Axis axis = axis_of(shape, order.axis);
  const int64_t slice = i / axis.inner % axis.extent;
  const int64_t from = order.source[static_cast<size_t>(slice)];
  return i + (from - slice) * axis.inner;
}

Field with_slices(const Field& field, const SliceOrder& order) {
  const Axis axis = axis_of(field.shape, order.axis);
  Field out = field;
  for (int64_t o = 0; o < axis.outer; ++o) {
    for (int64_t slice = 0; slice < axis.extent; ++slice) {
      const int64_t from = order.source[static_cast<size_t>(slice)];
      const auto begin = field.values.begin() + (o * axis.extent + from) * axis.inner;
      std::copy_n(begin, axis.inner, out.values.begin() + (o * axis.extent + slice) * axis.inner);
    }
  }
  return out;
}

std::vector<int64_t> match_slices(const Case& at, int64_t axis) {
  const Axis extents = axis_of(at.ref.shape, axis);
  Matcher matcher(at, extents);
  std::vector<int64_t> out;
  int64_t guess = -1;
  for (int64_t slice = 0; slice < extents.extent; ++slice) {
    const int64_t found = matcher.find(slice, guess);
    if (found < 0) {
      return {};
    }
    out.push_back(found);
    guess = found + 1;
  }
  return out;
}

} // namespace mflux::parity
