#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// |port - ref| <= atol + rtol * |ref|, everywhere: numpy's and torch's additive rule.
struct Tolerance {
  double atol, rtol;
};

/// One element of both tensors; `index` is flat, C order.
struct Element {
  int64_t index = 0;
  double ref = 0, port = 0;
};

/// Counts of non-finite elements of one tensor.
struct NonFinite {
  int64_t nan = 0, positive_inf = 0, negative_inf = 0;
};

/// Everything one pass over a pair of tensors of equal shape finds. d = port - ref in double;
/// complex tensors count as twice as many reals. Elements that are NaN or the same infinity on both
/// sides agree and leave the sums; a non-finite element on one side only is counted in
/// `nonfinite_mismatch`, lies outside every tolerance, makes the maxima (max_abs, max_rel,
/// peak_rel, passing_tolerance) infinite and leaves the sums too.
struct Metrics {
  int64_t count = 0; ///< reals compared
  NonFinite ref_nonfinite, port_nonfinite;
  int64_t nonfinite_mismatch = 0;
  int64_t unequal = 0; ///< elements whose values differ at all (what integers are judged by)

  double max_abs = 0;
  Element worst;        ///< the first place where max_abs is
  double mean_abs = 0;  ///< of |d|
  double rms = 0;       ///< of d
  double max_rel = 0;   ///< max |d| / max(|ref|, rel_floor)
  double rel_floor = 0; ///< 1e-3 * rms(ref)
  double rel_l2 = 0;    ///< ||d|| / ||ref||: the primary score; infinite when only ref is zero
  double peak_rel = 0;  ///< max |d| / max |ref|
  double cosine = 1, centred_cosine = 1;
  double slope = 1,
         intercept = 0;     ///< least squares port = slope * ref + intercept; 1 if ref is constant
  double error_balance = 0; ///< (positive d - negative d) / nonzero d, in [-1, 1]
  double ref_rms = 0, ref_max = 0; ///< of |ref|
  double ref_mean = 0, port_mean = 0;
  double passing_tolerance = 0; ///< the smallest t for which atol = rtol = t passes

  /// Both sides hold only 0 and hugely negative numbers (<= -1e4), as attention masks do. Then -inf
  /// and the lowest numbers of the floating dtypes count as one value and agree.
  bool mask_like = false;

  std::vector<int64_t> outside; ///< elements outside each tolerance asked about

  /// Distances in units in the last place of the coarser effective dtype: less than 1 in bin 0,
  /// then 1, 2-3, 4-7, …; the last bin holds the rest. Empty when a side is integral.
  std::vector<int64_t> ulp_histogram;
  /// Of |d|, from a logarithmic histogram (8 bins per binade): 50, 90, 99 and 99.9 %.
  std::array<double, 4> error_percentiles{};

  artifacts::Dtype ref_effective{}, port_effective{}; ///< what the values were rounded to
  uint64_t ref_hash = 0,
           port_hash = 0; ///< of shape and values in order: equal tensors, equal hashes
};

/// Compares two tensors of equal shape in one streaming pass; the result does not depend on
/// `threads` (0: as many as the machine has). `tolerances` are those that `outside` is counted for.
/// Throws Error when the shapes differ or one is complex and the other is not.
Metrics measure(
    const artifacts::Tensor& ref,
    const artifacts::Tensor& port,
    std::span<const Tolerance> tolerances,
    int threads = 0);

/// Statistics of one tensor alone, for `parity inspect`.
struct Summary {
  int64_t count = 0;
  NonFinite nonfinite;
  double min = 0, max = 0, mean = 0, rms = 0; ///< of the finite elements
  artifacts::Dtype effective{};
  uint64_t hash = 0;
};

Summary summarize(const artifacts::Tensor& tensor, int threads = 0);

} // namespace mflux::parity
