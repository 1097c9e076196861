#include "mflux/parity/metrics/pass.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "mflux/parity/metrics/chunks.h"
#include "mflux/parity/metrics/hash.h"
#include "mflux/parity/metrics/measure_pairs.h"
#include "mflux/parity/metrics/measure_singles.h"
#include "mflux/parity/metrics/running_maxima.h"
#include "mflux/parity/metrics/side.h"

namespace mflux::parity {
namespace {

constexpr int64_t kChunkTiles = kChunk / kTile;

/// What must be combined in order.
struct Part {
  Moments moments;
  uint64_t ref_hash = 0, port_hash = 0;
};

class Worker {
 public:
  Worker(const artifacts::Tensor& ref, const artifacts::Tensor& port, const Plan& plan)
      : reader_(ref, port, plan), plan_(plan), tally_(plan.tolerances.size()) {
    const bool singles =
        reader_.ref().domain() == Domain::single && reader_.port().domain() == Domain::single;
    if (singles && !plan.masks && plan.unit == 1) {
      singles_.emplace(plan);
      maxima_.emplace(plan);
    }
  }

  Part measure(int64_t first_tile, int64_t last_tile, std::vector<Bounds>& bounds) {
    Part part;
    for (int64_t tile = first_tile; tile < last_tile; ++tile) {
      reader_.load(tile);
      const TileResult result = measure_tile(tile, part);
      part.moments.merge(result.moments);
      bounds[static_cast<size_t>(tile)] = result.bounds;
    }
    reader_.done_with(first_tile * kTile, std::min(last_tile * kTile, reader_.count()));
    return part;
  }

  Bounds reached() const {
    return maxima_ ? maxima_->best() : Bounds();
  }

  const Tally& finish() {
    if (singles_) {
      singles_->flush(tally_);
    }
    return tally_;
  }

 private:
  TileResult measure_tile(int64_t tile, Part& part) {
    if (singles_) {
      const auto ref = reader_.ref().singles(), port = reader_.port().singles();
      if (const auto result = singles_->measure(ref, port, tile, tally_)) {
        observe_finite(reader_.ref(), tally_.ref);
        observe_finite(reader_.port(), tally_.port);
        add_hashes(result->ref_hash, result->port_hash, part);
        return {
            result->tile.moments,
            maxima_->settle(singles_->input(), ref, port, result->tile.bounds)};
      }
    }
    observe(reader_.ref(), tally_.ref);
    observe(reader_.port(), tally_.port);
    add_hashes(hash_of(reader_.ref()), hash_of(reader_.port()), part);
    const TileResult result = measure_pairs(reader_.finite_pairs(), plan_, tile, tally_);
    tally_.mismatched += reader_.mismatched();
    tally_.first_mismatch = std::min(tally_.first_mismatch, reader_.first_mismatch());
    return result;
  }

  static void add_hashes(uint64_t ref, uint64_t port, Part& part) {
    part.ref_hash = chain_hash(part.ref_hash, ref);
    part.port_hash = chain_hash(part.port_hash, port);
  }

  PairReader reader_;
  const Plan& plan_;
  Tally tally_;
  std::optional<SingleMeasurer> singles_;
  std::optional<RunningMaxima> maxima_;
};

/// Looks for maxima in tiles that may beat the best ones found so far.
class Search {
 public:
  Search(
      const artifacts::Tensor& ref,
      const artifacts::Tensor& port,
      const Plan& plan,
      double rel_floor)
      : reader_(ref, port, plan), unit_(plan.unit), rel_floor_(rel_floor) {}

  bool may_improve(const Bounds& bounds) const {
    return bounds.relative > best_.relative || bounds.passing > best_.passing;
  }

  void visit(int64_t tile) {
    reader_.load(tile);
    const Pairs pairs = reader_.finite_pairs();
    for (size_t i = 0; i < pairs.ref.size(); ++i) {
      const double error = std::abs(pairs.difference[i]), ref = std::abs(pairs.ref[i]);
      best_.relative = std::max(best_.relative, error == 0 ? 0 : error / std::max(ref, rel_floor_));
      best_.passing = std::max(best_.passing, passing_tolerance(error, ref, unit_, best_.passing));
    }
    reader_.done_with(tile * kTile, std::min((tile + 1) * kTile, reader_.count()));
  }

  void find_worst(int64_t tile, double max_abs) {
    reader_.load(tile);
    const Pairs pairs = reader_.finite_pairs();
    for (size_t i = 0; i < pairs.ref.size(); ++i) {
      if (std::abs(pairs.difference[i]) == max_abs) {
        best_.worst = {reader_.index_of(i), pairs.ref[i], pairs.port[i]};
        return;
      }
    }
  }

  const Maxima& best() const {
    return best_;
  }

  void start_from(const Maxima& best) {
    best_ = best;
  }

  void start_from(const Bounds& reached) {
    best_.relative = reached.relative;
    best_.passing = reached.passing;
  }

 private:
  PairReader reader_;
  double unit_, rel_floor_;
  Maxima best_;
};

int64_t largest_of(const std::vector<Bounds>& bounds, double Bounds::*bound) {
  const auto less = [bound](const Bounds& a, const Bounds& b) { return a.*bound < b.*bound; };
  return std::max_element(bounds.begin(), bounds.end(), less) - bounds.begin();
}

} // namespace

PassResult run_pass(
    const artifacts::Tensor& ref, const artifacts::Tensor& port, const Plan& plan, int threads) {
  PassResult out(plan.tolerances.size());
  const int64_t tiles = divide_up(TileReader(ref).count(), kTile);
  const int64_t chunks = divide_up(tiles, kChunkTiles);
  out.bounds.resize(static_cast<size_t>(tiles));
  std::vector<Part> parts(static_cast<size_t>(chunks));
  std::mutex mutex;
  share_chunks(chunks, threads, [&](const auto& take) {
    Worker worker(ref, port, plan);
    for (int64_t chunk = take(); chunk >= 0; chunk = take()) {
      const int64_t last = std::min((chunk + 1) * kChunkTiles, tiles);
      parts[static_cast<size_t>(chunk)] = worker.measure(chunk * kChunkTiles, last, out.bounds);
    }
    const std::lock_guard lock(mutex);
    out.tally.merge(worker.finish());
    out.reached.relative = std::max(out.reached.relative, worker.reached().relative);
    out.reached.passing = std::max(out.reached.passing, worker.reached().passing);
  });
  out.ref_hash = out.port_hash = hash_of_shape(ref.shape);
  for (const Part& part : parts) {
    out.moments.merge(part.moments);
    out.ref_hash = chain_hash(out.ref_hash, part.ref_hash);
    out.port_hash = chain_hash(out.port_hash, part.port_hash);
  }
  return out;
}

Maxima find_maxima(
    const artifacts::Tensor& ref,
    const artifacts::Tensor& port,
    const Plan& plan,
    const PassResult& pass,
    double rel_floor,
    int threads) {
  const auto& bounds = pass.bounds;
  if (bounds.empty()) {
    return {};
  }
  // Where the guessed floor was too high, the bounds on |d| / |ref| bound nothing.
  const bool guess_holds =
      plan.rel_floor <= rel_floor && rel_floor <= RunningMaxima::largest_floor(plan);
  Search first(ref, port, plan, rel_floor);
  if (guess_holds) {
    first.start_from(pass.reached);
  }
  if (pass.tally.worst_tile != kNowhere) {
    first.find_worst(pass.tally.worst_tile, pass.tally.max_abs);
  }
  if (pass.tally.unequal == 0) {
    return first.best();
  }
  first.visit(largest_of(bounds, &Bounds::relative));
  first.visit(largest_of(bounds, &Bounds::passing));
  Maxima best = first.best();
  const auto tiles = static_cast<int64_t>(bounds.size());
  std::mutex mutex;
  share_chunks(divide_up(tiles, kChunkTiles), threads, [&](const auto& take) {
    Search search(ref, port, plan, rel_floor);
    search.start_from(first.best());
    for (int64_t chunk = take(); chunk >= 0; chunk = take()) {
      for (int64_t tile = chunk * kChunkTiles; tile < std::min((chunk + 1) * kChunkTiles, tiles);
           ++tile) {
        if (!guess_holds || search.may_improve(bounds[static_cast<size_t>(tile)])) {
          search.visit(tile);
        }
      }
    }
    const std::lock_guard lock(mutex);
    best.relative = std::max(best.relative, search.best().relative);
    best.passing = std::max(best.passing, search.best().passing);
  });
  return best;
}

} // namespace mflux::parity
