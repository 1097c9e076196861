#include "mflux/parity/gain.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mflux/parity/sources.h"
#include "mflux/parity/three_way.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The gain from which on it stands out.
double least_gain(const Row& row) {
  return is_three_way(row) ? kGainOverNoiseThatStandsOut : kGainThatStandsOut;
}

/// The error, its gain and how both were come by, for every row that was compared.
class Gains {
 public:
  explicit Gains(std::vector<Row>& rows) : sources_(rows), rows_(rows), of_(rows.size()) {
    for (size_t r = 0; r < rows.size(); ++r) {
      errors_.push_back(gain_error_of(rows[r]));
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      if (errors_[r]) {
        measure(r);
      }
    }
  }

  const Sources& sources() const {
    return sources_;
  }

  bool knows_inputs(size_t r) const {
    return of_[r].has_value();
  }

  /// An input of the whole run: nothing dumped comes before it.
  bool is_fed(size_t r) const {
    return of_[r] && of_[r]->empty();
  }

  bool stands_out(size_t r) const {
    return rows_[r].gain && *rows_[r].gain >= least_gain(rows_[r]);
  }

  /// The row that brought most of the error in, if that is more than noise.
  std::optional<size_t> main_source(size_t r) const {
    std::optional<size_t> best;
    for (const size_t s : of_[r].value_or(std::vector<size_t>())) {
      if (errors_[s] && *errors_[s] > noise_floor(rows_[s]) &&
          (!best || *errors_[s] > *errors_[*best])) {
        best = s;
      }
    }
    return best;
  }

  bool has_failing_source(size_t r) const {
    const auto& sources = of_[r];
    return sources && std::any_of(sources->begin(), sources->end(), [&](size_t s) {
             return is_failing(rows_[s].verdict);
           });
  }

 private:
  void measure(size_t r) {
    of_[r] = sources_.of(r);
    if (!of_[r]) {
      return;
    }
    double in = 0, in_noises = 0; // the second in units of the noise where it came in
    for (const size_t s : *of_[r]) {
      in = std::max(in, errors_[s].value_or(0));
      in_noises = std::max(in_noises, errors_[s].value_or(0) / noise_floor(rows_[s]));
    }
    const double floor = noise_floor(rows_[r]);
    const double least =
        is_three_way(rows_[r]) ? floor * std::max(in_noises, 1.0) : std::max(in, floor);
    const double gain = in == kInfinity ? 1 : *errors_[r] / least;
    const bool all_known = std::all_of(
        of_[r]->begin(), of_[r]->end(), [&](size_t s) { return errors_[s].has_value(); });
    if (!all_known && gain >= least_gain(rows_[r])) {
      of_[r].reset(); // what stands out may have come in by an input that the port did not dump
      return;
    }
    rows_[r].input_error = in;
    rows_[r].gain = gain;
  }

  Sources sources_;
  std::vector<Row>& rows_;
  std::vector<std::optional<double>> errors_;
  std::vector<std::optional<std::vector<size_t>>> of_;
};

/// From a failing row back along its largest inputs, as long as they carry more than noise; the
/// row with the largest gain on that way.
size_t strongest_on_the_way(const std::vector<Row>& rows, const Gains& gains, size_t failing) {
  std::vector<bool> seen(rows.size());
  size_t best = failing;
  std::optional<size_t> at = failing;
  while (at && !seen[*at]) {
    seen[*at] = true;
    if (rows[*at].gain.value_or(0) > rows[best].gain.value_or(0)) {
      best = *at;
    }
    at = gains.main_source(*at);
  }
  return best;
}

std::string describe(const Row& row, const Gains& gains, size_t r) {
  if (!gains.knows_inputs(r)) {
    return gains.sources().of(r)
               ? "the first checkpoint over tolerance; the port lacks some of its inputs"
               : "the first checkpoint over tolerance; its inputs were not dumped";
  }
  if (gains.is_fed(r)) {
    return "the two sides were fed different inputs";
  }
  const std::string own =
      is_three_way(row)
          ? fmt::format(" against ref32 (the reference's own {:.1e})", *row.ref32_error)
          : "";
  if (!gains.stands_out(r)) {
    return fmt::format(
        "the first checkpoint over tolerance; no gain stands out (error {:.1e}{} from {:.1e} in "
        "its inputs), as when rounding adds up",
        gain_error_of(row).value_or(0),
        own,
        *row.input_error);
  }
  return fmt::format(
      "error {:.1e} here{}, {:.1e} in what it is computed from",
      gain_error_of(row).value_or(0),
      own,
      *row.input_error);
}

Divergence make_divergence(const std::vector<Row>& rows, const Gains& gains, size_t r) {
  const auto& sources = gains.sources();
  const Name& name = rows[r].ref->name;
  Divergence divergence;
  divergence.row = r;
  divergence.why = describe(rows[r], gains, r);
  const bool in_itself = name.role == Role::out && sources.has_own_inputs(r);
  divergence.owner = in_itself ? name.path : sources.module_around(r);
  if (name.role == Role::in) {
    const std::string before = sources.ran_before(r);
    divergence.between = before.empty() ? fmt::format("its inputs and {}", name.path)
                                        : fmt::format("{} and {}", before, name.path);
  }
  return divergence;
}

/// From the first failing row whose way back has a gain that stands out: the row with that gain.
/// Both must be `wanted`.
template <typename Wanted>
std::optional<size_t> first_standing_out(
    const std::vector<Row>& rows, const Gains& gains, Wanted&& wanted) {
  for (size_t r = 0; r < rows.size(); ++r) {
    if (!is_failing(rows[r].verdict) || !wanted(r)) {
      continue;
    }
    if (!gains.knows_inputs(r)) {
      return r;
    }
    const size_t best = strongest_on_the_way(rows, gains, r);
    if (gains.stands_out(best) && wanted(best)) {
      return best;
    }
  }
  return std::nullopt;
}

} // namespace

double noise_floor(Dtype effective) {
  switch (effective) {
    case Dtype::float64:
    case Dtype::complex128:
      return 1e-12;
    case Dtype::float16:
      return 1e-3;
    case Dtype::bfloat16:
      return 5e-3;
    case Dtype::float8_e4m3:
    case Dtype::float8_e5m2:
      return 5e-2;
    default:
      return 1e-6;
  }
}

double noise_floor(const Row& row) {
  if (row.ref32_error) {
    return std::clamp(*row.ref32_error, kLeastOwnError, 1.0);
  }
  return row.metrics ? noise_floor(row.effective) : noise_floor(Dtype::float32);
}

std::optional<double> gain_error_of(const Row& row) {
  const auto error = error_of(row);
  return error && *error != kInfinity && row.port32_error ? row.port32_error : error;
}

bool is_untouched_by(double error, const Row& row) {
  constexpr double kFarSmaller = 20, kNothingOfIt = 1e4;
  const double times = row.verdict == Verdict::pass ? kFarSmaller : kNothingOfIt;
  return times * gain_error_of(row).value_or(0) < error;
}

std::optional<Divergence> find_divergence(std::vector<Row>& rows, bool inferred) {
  const auto failing = std::find_if(
      rows.begin(), rows.end(), [](const Row& row) { return is_failing(row.verdict); });
  if (failing == rows.end()) {
    return std::nullopt;
  }
  const Gains gains(rows);
  std::optional<size_t> found;
  if (inferred) {
    found = first_standing_out(rows, gains, [&](size_t r) {
      return rows[r].ref->name.role == Role::out && gains.sources().has_own_inputs(r);
    });
  }
  if (!found) {
    found = first_standing_out(rows, gains, [](size_t) { return true; });
  }
  const auto divergence =
      make_divergence(rows, gains, found.value_or(static_cast<size_t>(failing - rows.begin())));
  std::vector<size_t> inherited;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (r != divergence.row && is_failing(rows[r].verdict) && gains.knows_inputs(r) &&
        !gains.stands_out(r) && gains.has_failing_source(r)) {
      inherited.push_back(r);
    }
  }
  for (const size_t r : inherited) {
    rows[r].verdict = Verdict::inherited;
  }
  return divergence;
}

} // namespace mflux::parity
