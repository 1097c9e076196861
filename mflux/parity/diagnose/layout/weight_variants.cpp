#include "mflux/parity/diagnose/layout/weight_variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

using artifacts::Shape;

namespace {

/// Weights of both sides that are one, in bfloat16 too.
constexpr double kSame = 1e-2;

bool is_known(const std::vector<WeightVariant>& variants, const Digits& digits) {
  return std::any_of(variants.begin(), variants.end(), [&](const WeightVariant& variant) {
    const Digits other = simplified(variant.steps.front()); // none is reversed yet
    return other.sizes == digits.sizes && other.order == digits.order;
  });
}

void add(std::vector<WeightVariant>& out, const Digits& digits, std::string detail) {
  const Digits plain = simplified(digits);
  if (plain.order.size() > 1 && !is_known(out, plain)) {
    out.push_back({{digits}, false, std::move(detail)});
  }
}

void reverse_taps(Field& weight) {
  const int64_t taps = weight.shape[2] * weight.shape[3];
  for (auto at = weight.values.begin(); at != weight.values.end(); at += taps) {
    std::reverse(at, at + taps);
  }
}

} // namespace

std::vector<WeightVariant> transposed_variants(const Shape& shape) {
  std::vector<WeightVariant> out;
  if (shape.size() < 2 || shape.size() > 4) {
    return out;
  }
  std::vector<int64_t> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  while (std::next_permutation(order.begin(), order.end())) {
    const Digits moved{shape, order};
    const Shape other = permuted_sizes(moved);
    add(out,
        moved,
        other == shape
            ? fmt::format("the weight's axes are permuted: {}", to_string(Permute{order}))
            : fmt::format(
                  "the weight, stored as {}, is taken for {}",
                  artifacts::to_string(other),
                  artifacts::to_string(shape)));
    add(out,
        inverse(moved),
        fmt::format("the weight is taken for {} and moved back", artifacts::to_string(other)));
  }
  if (shape.size() == 4 && shape[2] * shape[3] > 1) {
    out.push_back({{}, true, "the weight's taps are reversed in height and width"});
  }
  return out;
}

Field varied(const Field& weight, const WeightVariant& variant) {
  Field out = rearranged(weight, variant.steps);
  if (variant.reversed) {
    reverse_taps(out);
  }
  return out;
}

std::optional<WeightVariant> variant_that_is(const Field& port, const Field& ref) {
  if (port.count() != ref.count()) {
    return std::nullopt;
  }
  for (const auto& variant : transposed_variants(ref.shape)) {
    const size_t last = port.values.size() - 1;
    const auto from = [&](int64_t i) { return variant.reversed ? i : source_of(variant.steps, i); };
    int alike = 0;
    for (size_t k = 0; k < 64; ++k) { // a few first: most are none
      const size_t i = k * last / 63;
      const double expected = ref.values[static_cast<size_t>(from(static_cast<int64_t>(i)))];
      alike += std::abs(port.values[i] - expected) <= kSame * std::abs(expected);
    }
    const bool is_worth_it = variant.reversed || alike >= 56;
    if (is_worth_it && relative_error(port, varied(ref, variant)) <= kSame) {
      return variant;
    }
  }
  return std::nullopt;
}

} // namespace mflux::parity
