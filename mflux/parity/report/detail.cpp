#include "mflux/parity/report/detail.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "mflux/parity/metrics/chunks.h"
#include "mflux/parity/metrics/pairs.h"

namespace mflux::parity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kExponents = 2048; ///< of double, by its 11 bits
constexpr int kExponentBias = 1023;

struct Candidate {
  double error;
  Element element;
};

/// Larger errors first, then earlier places.
bool is_worse(const Candidate& a, const Candidate& b) {
  return a.error != b.error ? a.error > b.error : a.element.index < b.element.index;
}

class Scan {
 public:
  Scan(const TensorPair& pair, const Metrics& metrics)
      : reader_(pair.ref, pair.port, plan(metrics)) {
    counts_.resize(kExponents);
    for (auto* tile : {&errors_, &ref_, &port_}) {
      tile->resize(static_cast<size_t>(kTile));
    }
  }

  void run(std::vector<HeatMapBuilder>& maps) {
    const int64_t count = reader_.count();
    for (int64_t tile = 0; tile < divide_up(count, kTile); ++tile) {
      const int64_t begin = tile * kTile;
      const auto size = static_cast<size_t>(std::min(kTile, count - begin));
      reader_.load(tile);
      read(begin, size);
      for (auto& map : maps) {
        map.add(begin, {errors_.data(), size});
      }
      count_errors(begin, size);
      const int64_t end = begin + static_cast<int64_t>(size);
      if (end % kChunk == 0 || end == count) {
        reader_.done_with(begin / kChunk * kChunk, end);
      }
    }
  }

  std::vector<Element> worst() {
    std::sort(worst_.begin(), worst_.end(), is_worse);
    std::vector<Element> elements;
    for (const auto& candidate : worst_) {
      elements.push_back(candidate.element);
    }
    return elements;
  }

  ErrorHistogram histogram() const {
    ErrorHistogram out;
    out.equal = equal_;
    out.nonfinite = nonfinite_;
    const auto filled = [](int64_t count) { return count > 0; };
    const auto first = std::find_if(counts_.begin(), counts_.end(), filled);
    const auto last = std::find_if(counts_.rbegin(), counts_.rend(), filled).base();
    if (first != counts_.end()) {
      out.first = static_cast<int>(first - counts_.begin()) - kExponentBias;
      out.counts.assign(first, last);
    }
    return out;
  }

 private:
  static Plan plan(const Metrics& metrics) {
    Plan plan;
    plan.masks = metrics.mask_like;
    return plan;
  }

  /// |d| of the tile: 0 where both sides agree, infinite where one alone is not finite.
  void read(int64_t begin, size_t size) {
    const Pairs pairs = reader_.finite_pairs();
    reader_.ref().promote(ref_.data());
    reader_.port().promote(port_.data());
    if (pairs.difference.size() == size) {
      std::transform(
          pairs.difference.begin(), pairs.difference.end(), errors_.begin(), [](double d) {
            return std::abs(d);
          });
      return;
    }
    for (size_t i = 0; i < size; ++i) {
      const bool agree = ref_[i] == port_[i] || (std::isnan(ref_[i]) && std::isnan(port_[i]));
      errors_[i] = agree ? 0 : kInfinity;
    }
    for (size_t i = 0; i < pairs.difference.size(); ++i) {
      errors_[static_cast<size_t>(reader_.index_of(i) - begin)] = std::abs(pairs.difference[i]);
    }
  }

  void count_errors(int64_t begin, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      const double error = errors_[i];
      if (error == 0) {
        ++equal_;
        continue;
      }
      if (std::isinf(error)) {
        ++nonfinite_;
      } else {
        ++counts_[std::bit_cast<uint64_t>(error) >> 52];
      }
      if (error > least_) {
        keep({error, {begin + static_cast<int64_t>(i), ref_[i], port_[i]}});
      }
    }
  }

  void keep(const Candidate& candidate) {
    worst_.push_back(candidate);
    std::push_heap(worst_.begin(), worst_.end(), is_worse);
    if (worst_.size() > kWorst) {
      std::pop_heap(worst_.begin(), worst_.end(), is_worse);
      worst_.pop_back();
    }
    least_ = worst_.size() < kWorst ? 0 : worst_.front().error;
  }

  PairReader reader_;
  std::vector<double> errors_, ref_, port_;
  std::vector<int64_t> counts_;
  std::vector<Candidate> worst_; ///< a heap, the least in front
  double least_ = 0;
  int64_t equal_ = 0, nonfinite_ = 0;
};

std::vector<HeatMapBuilder> heat_maps(const artifacts::Shape& shape, const DetailOptions& options) {
  const auto [row, column] = longest_axes(shape);
  std::vector<HeatMapBuilder> maps;
  maps.emplace_back(shape, row, column, options.cells);
  const int axes = options.all_axes && row >= 0 ? static_cast<int>(shape.size()) : 0;
  for (int a = 0; a < axes; ++a) {
    for (int b = a + 1; b < axes && maps.size() < kMostHeatMaps; ++b) {
      const bool is_long = shape[static_cast<size_t>(a)] > 1 && shape[static_cast<size_t>(b)] > 1;
      if (is_long && (a != row || b != column)) {
        maps.emplace_back(shape, a, b, options.cells);
      }
    }
  }
  return maps;
}

} // namespace

Detail detail_of(const TensorPair& pair, const Metrics& metrics, const DetailOptions& options) {
  Detail detail;
  detail.shape = pair.ref.shape;
  if (artifacts::is_complex(pair.ref.dtype)) {
    detail.shape.push_back(2);
  }
  detail.strips = strips_of(pair, metrics);
  if (metrics.unequal == 0) {
    detail.histogram.equal = metrics.count;
    return detail;
  }
  auto maps = heat_maps(detail.shape, options);
  Scan scan(pair, metrics);
  scan.run(maps);
  detail.worst = scan.worst();
  detail.histogram = scan.histogram();
  for (const auto& map : maps) {
    detail.heat.push_back(map.finish());
  }
  return detail;
}

} // namespace mflux::parity
