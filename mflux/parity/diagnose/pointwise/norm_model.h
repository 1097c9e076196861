#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// Over which elements a norm takes its statistics.
struct Spread {
  enum class Kind {
    none,        ///< the input is taken as it is
    last,        ///< each row of the last axis
    part,        ///< each `groups`-th part of a row: a norm per head
    channel,     ///< axis 1 at each pixel
    grouped,     ///< `groups` runs of channels of axis 1 in each sample
    interleaved, ///< channels c % groups of axis 1 in each sample
  };
  Kind kind = Kind::last;
  int64_t groups = 1;

  std::string words() const;
};

/// The group of each element; and each group's mean and mean square.
struct Statistics {
  std::vector<int32_t> group;
  std::vector<double> mean, square, count;
};

Statistics statistics_of(const Field& input, const Spread& spread);

/// How a norm turns an input into what is then scaled and shifted.
struct NormForm {
  Spread spread;
  bool has_mean = true; ///< the mean is subtracted
  double eps = 1e-6;
  bool eps_outside = false; ///< added to the root, not under it
  bool is_unbiased = false; ///< the variance is divided by n − 1
};

/// The normalised value of element i.
class Normal {
 public:
  Normal(const Field& input, const Statistics& statistics, const NormForm& form);

  double operator()(size_t i) const {
    const auto g = static_cast<size_t>(statistics_.group[i]);
    return (input_.values[i] - shift_[g]) * factor_[g];
  }

 private:
  const Field& input_;
  const Statistics& statistics_;
  std::vector<double> shift_, factor_;
};

/// A norm, and what it is scaled by and shifted by, that reproduces the reference's tensor.
struct NormModel {
  std::shared_ptr<const FieldPair> input;
  std::shared_ptr<const Statistics> statistics;
  NormForm form;
  std::vector<int32_t> cell; ///< of each element: where in weight and bias
  std::vector<double> weight, bias;
  double left = 0; ///< of the reference

  /// The tensor that another form of the norm gives with the same weight and bias.
  Field with(const NormForm& other) const;
};

/// The norm that the reference's tensor comes from, found from dumped inputs; null when none of
/// them gives it.
std::shared_ptr<const NormModel> norm_model(const Case& at);

/// The same input and cells under other statistics, with the weight and bias that then give the
/// reference; null when they do not. Of one sample any grouping may be the reference's own.
std::shared_ptr<const NormModel> refitted(
    const Case& at, const NormModel& model, const Spread& spread);

/// The spreads that fit a shape, `part` and groups for every divisor that is usual.
std::vector<Spread> spreads_of(const artifacts::Shape& shape);

} // namespace mflux::parity
