#include "mflux/parity/metrics/pairs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace mflux::parity {
namespace {

constexpr uint64_t kInfinity = 0x7ff0000000000000u;

bool all_finite(std::span<const double> values) {
  uint64_t largest = 0;
  for (const double value : values) {
    largest = std::max(largest, std::bit_cast<uint64_t>(value) << 1);
  }
  return largest < kInfinity << 1;
}

/// Holds every difference of 64-bit integers.
__extension__ using Wide = __int128;

template <typename Ref, typename Port>
double integer_difference(Ref ref, Port port) {
  return static_cast<double>(static_cast<Wide>(port) - static_cast<Wide>(ref));
}

/// An integer minus a float, as integers where the float is one.
template <typename Integer>
double mixed_difference(double real, Integer integer) {
  if (std::abs(real) < 0x1p100 && real == std::trunc(real)) {
    return integer_difference(static_cast<Wide>(real), integer);
  }
  return static_cast<double>(integer) - real;
}

template <typename Ref, typename Port>
void integer_differences(std::span<const Ref> ref, std::span<const Port> port, double* out) {
  for (size_t i = 0; i < ref.size(); ++i) {
    out[i] = integer_difference(ref[i], port[i]);
  }
}

bool is_lowest(double value) {
  constexpr double kBfloat16 = -0x1.fep127, kFloat16 = -65504;
  return value == -std::numeric_limits<double>::infinity() || value == kFloat16 ||
         value == kBfloat16 || value == static_cast<double>(std::numeric_limits<float>::lowest()) ||
         value == std::numeric_limits<double>::lowest();
}

} // namespace

PairReader::PairReader(
    const artifacts::Tensor& ref, const artifacts::Tensor& port, const Plan& plan)
    : ref_(ref),
      port_(port),
      masks_(plan.masks),
      unit_(plan.unit),
      ref_values_(static_cast<size_t>(kTile)),
      port_values_(static_cast<size_t>(kTile)),
      differences_(static_cast<size_t>(kTile)) {}

void PairReader::load(int64_t tile) {
  begin_ = tile * kTile;
  size_ = static_cast<size_t>(std::min(kTile, count() - begin_));
  ref_.load(begin_, size_);
  port_.load(begin_, size_);
}

Pairs PairReader::finite_pairs() {
  ref_.promote(ref_values_.data());
  port_.promote(port_values_.data());
  prepare();
  subtract();
  kept_ = size_;
  positions_.clear();
  mismatched_ = 0;
  first_mismatch_ = kNowhere;
  if (!all_finite({ref_values_.data(), size_}) || !all_finite({port_values_.data(), size_})) {
    keep_finite();
  }
  return {{ref_values_.data(), kept_}, {port_values_.data(), kept_}, {differences_.data(), kept_}};
}

void PairReader::prepare() {
  for (size_t i = 0; masks_ && i < size_; ++i) {
    if (is_lowest(ref_values_[i]) && is_lowest(port_values_[i])) {
      ref_values_[i] = port_values_[i] = std::max(ref_values_[i], port_values_[i]);
    }
  }
  for (size_t i = 0; unit_ != 1 && i < size_; ++i) {
    ref_values_[i] *= unit_;
    port_values_[i] *= unit_;
  }
}

void PairReader::subtract() {
  double* out = differences_.data();
  const auto is = [&](Domain ref, Domain port) {
    return ref_.domain() == ref && port_.domain() == port;
  };
  const auto real = [](Domain domain) {
    return domain == Domain::single || domain == Domain::real;
  };
  const bool ref_real = real(ref_.domain()), port_real = real(port_.domain());
  for (size_t i = 0; ref_real && port_real && i < size_; ++i) {
    out[i] = port_values_[i] - ref_values_[i];
  }
  for (size_t i = 0; ref_real != port_real && i < size_; ++i) {
    const TileReader& whole = ref_real ? port_ : ref_;
    const double fraction = ref_real ? ref_values_[i] : port_values_[i];
    const double d = whole.domain() == Domain::integer
                         ? mixed_difference(fraction, whole.integers()[i])
                         : mixed_difference(fraction, whole.naturals()[i]);
    out[i] = ref_real ? d : -d;
  }
  if (is(Domain::integer, Domain::integer)) {
    integer_differences(ref_.integers(), port_.integers(), out);
  } else if (is(Domain::integer, Domain::natural)) {
    integer_differences(ref_.integers(), port_.naturals(), out);
  } else if (is(Domain::natural, Domain::integer)) {
    integer_differences(ref_.naturals(), port_.integers(), out);
  } else if (is(Domain::natural, Domain::natural)) {
    integer_differences(ref_.naturals(), port_.naturals(), out);
  }
}

void PairReader::keep_finite() {
  kept_ = 0;
  for (size_t i = 0; i < size_; ++i) {
    const double ref = ref_values_[i], port = port_values_[i];
    if (std::isfinite(ref) && std::isfinite(port)) {
      ref_values_[kept_] = ref;
      port_values_[kept_] = port;
      differences_[kept_] = differences_[i];
      positions_.push_back(static_cast<int64_t>(i));
      ++kept_;
    } else if (ref != port && !(std::isnan(ref) && std::isnan(port))) {
      first_mismatch_ = std::min(first_mismatch_, begin_ + static_cast<int64_t>(i));
      ++mismatched_;
    }
  }
}

int64_t PairReader::index_of(size_t i) const {
  return begin_ + (kept_ == size_ ? static_cast<int64_t>(i) : positions_[i]);
}

void PairReader::done_with(int64_t begin, int64_t end) const {
  ref_.done_with(begin, end);
  port_.done_with(begin, end);
}

} // namespace mflux::parity
