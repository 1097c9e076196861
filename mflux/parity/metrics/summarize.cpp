#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <vector>

#include "mflux/parity/metrics/chunks.h"
#include "mflux/parity/metrics/hash.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/parity/metrics/moments.h"
#include "mflux/parity/metrics/side.h"

namespace mflux::parity {
namespace {

/// What is combined in order.
struct Part {
  double sum = 0, square = 0;
  uint64_t hash = 0;
};

struct Extremes {
  SideTally side;
  int64_t finite = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();

  void merge(const Extremes& other) {
    side.merge(other.side);
    finite += other.finite;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
  }
};

class Worker {
 public:
  Worker(const artifacts::Tensor& tensor, double unit)
      : reader_(tensor), unit_(unit), values_(static_cast<size_t>(kTile)) {}

  Part summarize(int64_t begin, int64_t end) {
    Part part;
    for (int64_t at = begin; at < end; at += kTile) {
      const auto size = static_cast<size_t>(std::min(kTile, end - at));
      reader_.load(at, size);
      observe(reader_, extremes_.side);
      part.hash = chain_hash(part.hash, hash_of(reader_));
      reader_.promote(values_.data());
      add({values_.data(), size}, part);
    }
    reader_.done_with(begin, end);
    return part;
  }

  const Extremes& extremes() const {
    return extremes_;
  }

 private:
  void add(std::span<const double> values, Part& part) {
    double sum = 0, square = 0;
    for (const double value : values) {
      if (std::isfinite(value)) {
        ++extremes_.finite;
        extremes_.min = std::min(extremes_.min, value);
        extremes_.max = std::max(extremes_.max, value);
        sum += value * unit_;
        square += value * unit_ * (value * unit_);
      }
    }
    part.sum += sum;
    part.square += square;
  }

  TileReader reader_;
  double unit_;
  std::vector<double> values_;
  Extremes extremes_;
};

struct Totals {
  Part sums;
  Extremes extremes;
};

/// Values are multiplied by `unit`, a power of two, before they are squared.
Totals run_pass(const artifacts::Tensor& tensor, double unit, int threads) {
  const int64_t count = TileReader(tensor).count();
  std::vector<Part> parts(static_cast<size_t>(divide_up(count, kChunk)));
  Totals out;
  std::mutex mutex;
  share_chunks(static_cast<int64_t>(parts.size()), threads, [&](const auto& take) {
    Worker worker(tensor, unit);
    for (int64_t chunk = take(); chunk >= 0; chunk = take()) {
      parts[static_cast<size_t>(chunk)] =
          worker.summarize(chunk * kChunk, std::min((chunk + 1) * kChunk, count));
    }
    const std::lock_guard lock(mutex);
    out.extremes.merge(worker.extremes());
  });
  out.sums.hash = hash_of_shape(tensor.shape);
  for (const Part& part : parts) {
    out.sums.sum += part.sum;
    out.sums.square += part.square;
    out.sums.hash = chain_hash(out.sums.hash, part.hash);
  }
  return out;
}

} // namespace

Summary summarize(const artifacts::Tensor& tensor, int threads) {
  Totals totals = run_pass(tensor, 1, threads);
  Summary out;
  out.count = TileReader(tensor).count();
  out.nonfinite = totals.extremes.side.nonfinite;
  out.effective = totals.extremes.side.precision.effective(tensor.dtype);
  out.hash = totals.sums.hash;
  if (totals.extremes.finite > 0) {
    const auto n = static_cast<double>(totals.extremes.finite);
    out.min = totals.extremes.min;
    out.max = totals.extremes.max;
    const double unit = unit_for(std::max(std::abs(out.min), std::abs(out.max)));
    if (unit != 1) {
      totals = run_pass(tensor, unit, threads);
    }
    out.mean = totals.sums.sum / unit / n;
    out.rms = std::sqrt(totals.sums.square / n) / unit;
  }
  return out;
}

} // namespace mflux::parity
