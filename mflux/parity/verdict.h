#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/dumps/match.h"
#include "mflux/parity/images/picture_metrics.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/parity/tolerance.h"

namespace mflux::parity {

enum class Verdict { pass, missing, inconclusive, inherited, nonfinite, shape, fail };

/// "PASS", "MISSING", …
std::string_view name_of(Verdict verdict);

/// FAIL, SHAPE, NONFINITE or INHERITED.
bool is_failing(Verdict verdict);

/// One checkpoint of the reference and what became of it.
struct Row {
  const Checkpoint* ref = nullptr;
  const Checkpoint* port = nullptr; ///< null: MISSING
  MatchedBy by = MatchedBy::exact;
  Verdict verdict = Verdict::pass;
  std::optional<Metrics> metrics; ///< absent when the tensors could not be laid over each other
  artifacts::Shape ref_shape, port_shape; ///< as compared, after slices were cut
  artifacts::Dtype effective{};           ///< the coarser of both sides
  std::optional<Tolerance> tolerance;     ///< absent where no tolerance decided
  std::string rule;                       ///< what decided, as the table prints it
  std::vector<std::string> notes;
  bool allowed_missing = false;

  std::vector<Tolerance> candidates; ///< those that metrics->outside was counted for

  /// With ref32/, where it has this checkpoint: rel_l2(ref, ref32), rel_l2(port, ref32), and the
  /// second over the first, which is taken to be at least kLeastOwnError. See three_way.h.
  std::optional<double> ref32_error, port32_error, ratio;

  std::optional<PictureMetrics> picture; ///< of PNGs and JPEGs; judged by images/judge.h

  std::optional<double> input_error, gain; ///< see gain.h; absent when the inputs are unknown
};

/// How many times further from ref32 than the reference the port may be.
inline constexpr double kMaxRatio = 2;

/// Both tensors of a row cut to the part that both dumps hold.
struct TensorPair {
  artifacts::Tensor ref, port;
};

/// The part of a tensor that one dump holds is not in the other's tensor.
class SliceError : public Error {
 public:
  using Error::Error;
};

/// Throws SliceError when the tensor of that `side` does not hold the ranges.
artifacts::Tensor cut(
    const artifacts::Tensor& tensor, const artifacts::Ranges& ranges, const char* side);

/// Throws SliceError when a slice does not fit the other side's tensor, Error on damaged files.
TensorPair load_pair(const Dump& ref, const Dump& port, const Row& row);

/// First pass: reads both tensors once and fills metrics, shapes and candidates, and the verdict
/// where it is SHAPE.
void measure_row(
    Row& row,
    const Dump& ref,
    const Dump& port,
    const std::vector<ToleranceRule>& rules,
    int threads);

/// The same for two tensors at hand, which need not be those of the dumps.
void measure_pair(
    Row& row, const TensorPair& pair, const std::vector<ToleranceRule>& rules, int threads);

/// What each component was rounded to, by the rows that were measured.
ComponentPrecision precision_of(const std::vector<Row>& rows);
void add_precision(ComponentPrecision& precision, const Row& row);

/// Second pass, when the precision of every component is known. `max_ratio` is for rows that have
/// a ratio (three_way.h) and no rule with its own.
void judge_row(
    Row& row,
    const std::vector<ToleranceRule>& rules,
    const ComponentPrecision& precision,
    double max_ratio = kMaxRatio);

/// Integers and booleans, pictures apart.
bool must_be_equal(const Row& row);

/// How far the port is off, for gains: rel_l2; infinite for SHAPE and NONFINITE, at least 1 for
/// integers that differ, nothing for MISSING.
std::optional<double> error_of(const Row& row);

} // namespace mflux::parity
