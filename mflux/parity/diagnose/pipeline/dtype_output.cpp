#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/rounding.h"

namespace mflux::parity {
namespace {

/// Elements that decide whether a rounding is worth being applied to all.
constexpr int64_t kSamples = 4096;

/// Of those, so many are the rounded reference exactly, …
constexpr double kLeastEqual = 0.8;

/// … and so many at least were changed by it.
constexpr int64_t kLeastChanged = 4;

constexpr int64_t kFewestOnGrid = 16;

/// Kernels after the rounding move values off the grid by this much.
constexpr double kNoiseOnGrid = 3e-6;

double rms_of(const Field& field) {
  double sum = 0;
  for (const double value : field.values) {
    sum += value * value;
  }
  return std::sqrt(sum / static_cast<double>(std::max<int64_t>(field.count(), 1)));
}

/// Both sides differ by this much for other reasons, as a part of a value and of all values' size.
double noise_of(const Case& at) {
  const Row& row = at.at();
  const double own = row.metrics ? noise_floor(row.metrics->ref_effective) : 1e-6;
  return own + 2 * std::min(row.input_error.value_or(0), 1e-2);
}

/// The rounded value that `value` is within noise; nothing when it is none.
std::optional<double> on_grid(const Rounding& rounding, double value) {
  for (const double near : {value, value * (1 + kNoiseOnGrid), value * (1 - kNoiseOnGrid)}) {
    const double again = rounding.apply(near);
    const double reach = rounding.unit == 0 ? kNoiseOnGrid : kNoiseOnGrid * std::abs(value);
    if (std::abs(again - value) <= reach) {
      return again;
    }
  }
  return std::nullopt;
}

/// The port's values, where the reference's within the noise would be rounded to them.
Field rounded_like(const Case& at, const Rounding& rounding) {
  const double noise = noise_of(at), size = rms_of(at.ref);
  Field out{at.port.shape, std::vector<double>(at.port.values.size())};
  for (size_t i = 0; i < out.values.size(); ++i) {
    const double value = at.ref.values[i];
    const double reach = noise * (std::abs(value) + size);
    const double low = rounding.apply(value - reach), high = rounding.apply(value + reach);
    const auto port = low != high ? on_grid(rounding, at.port.values[i]) : std::nullopt;
    out.values[i] = port ? std::clamp(*port, low, high) : rounding.apply(value);
  }
  return out;
}

/// Whether a sample of the port is the rounded reference.
bool may_be(const Case& at, const Rounding& rounding) {
  const int64_t step = std::max<int64_t>(1, at.port.count() / kSamples);
  const double reach = noise_of(at);
  int64_t seen = 0, equal = 0, changed = 0;
  for (int64_t i = 0; i < at.port.count(); i += step) {
    const double ref = at.ref.values[static_cast<size_t>(i)];
    const double port = at.port.values[static_cast<size_t>(i)];
    if (!on_grid(rounding, port)) {
      return false;
    }
    const double expected = rounding.apply(ref);
    ++seen;
    equal += std::abs(port - expected) <= reach * std::abs(expected) ||
             (rounding.unit == 0 && std::abs(port - expected) < 1e-6);
    changed += std::abs(expected - ref) > reach * std::abs(ref);
  }
  const double share = static_cast<double>(equal) / static_cast<double>(seen);
  return share >= kLeastEqual && changed >= std::min(kLeastChanged, (seen + 1) / 2);
}

void try_rounding(const Case& at, const Rounding& rounding, Proposals& proposals) {
  if (!may_be(at, rounding)) {
    return;
  }
  proposals.add({"dtype.output", [&at, &rounding](const Half&) {
                   return Prediction{
                       rounded_like(at, rounding),
                       "",
                       fmt::format("the values are rounded to {}", rounding.name)};
                 }});
}

} // namespace

void propose_output_rounding(const Case& at, Proposals& proposals) {
  if (!at.same_shape || must_be_equal(at.at())) {
    return;
  }
  for (const auto& rounding : narrower_types()) {
    try_rounding(at, rounding, proposals);
  }
  if (at.port.count() < kFewestOnGrid) {
    return;
  }
  for (const auto& rounding : grids()) {
    try_rounding(at, rounding, proposals);
  }
}

} // namespace mflux::parity
