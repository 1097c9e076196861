#include "mflux/parity/diagnose/layout/digits.h"

#include <algorithm>
#include <numeric>

#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

using artifacts::Shape;

Shape permuted_sizes(const Digits& digits) {
  Shape out;
  for (const int64_t axis : digits.order) {
    out.push_back(digits.sizes[static_cast<size_t>(axis)]);
  }
  return out;
}

Digits inverse(const Digits& digits) {
  Digits out{permuted_sizes(digits), std::vector<int64_t>(digits.order.size())};
  for (size_t i = 0; i < digits.order.size(); ++i) {
    out.order[static_cast<size_t>(digits.order[i])] = static_cast<int64_t>(i);
  }
  return out;
}

Digits simplified(const Digits& digits) {
  std::vector<int64_t> kept;
  for (const int64_t axis : digits.order) {
    if (digits.sizes[static_cast<size_t>(axis)] != 1) {
      kept.push_back(axis);
    }
  }
  // Axes of 1 between two others do not part them.
  std::vector<int64_t> sorted = kept;
  std::sort(sorted.begin(), sorted.end());
  Digits out;
  std::vector<int64_t> group(digits.sizes.size(), 0);
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto at = std::find(kept.begin(), kept.end(), sorted[i]);
    const bool joins = i > 0 && at != kept.begin() && *(at - 1) == sorted[i - 1];
    const int64_t size = digits.sizes[static_cast<size_t>(sorted[i])];
    if (joins) {
      out.sizes.back() *= size;
    } else {
      out.sizes.push_back(size);
    }
    group[static_cast<size_t>(sorted[i])] = static_cast<int64_t>(out.sizes.size()) - 1;
  }
  for (const int64_t axis : kept) {
    const int64_t of = group[static_cast<size_t>(axis)];
    if (out.order.empty() || out.order.back() != of) {
      out.order.push_back(of);
    }
  }
  return out;
}

int64_t source_of(const Digits& digits, int64_t i) {
  int64_t strides[16];
  int64_t stride = 1;
  for (size_t axis = digits.sizes.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= digits.sizes[axis];
  }
  int64_t from = 0;
  for (size_t k = digits.order.size(); k-- > 0;) {
    const auto axis = static_cast<size_t>(digits.order[k]);
    from += i % digits.sizes[axis] * strides[axis];
    i /= digits.sizes[axis];
  }
  return from;
}

int64_t source_of(const Rearrangement& steps, int64_t i) {
  for (size_t k = steps.size(); k-- > 0;) {
    i = source_of(steps[k], i);
  }
  return i;
}

Field rearranged(const Field& field, const Rearrangement& steps) {
  Field out = field;
  for (const auto& step : steps) {
    out.shape = step.sizes;
    out = permuted(out, step.order);
  }
  out.shape = field.shape;
  return out;
}

std::string chain_back(const Rearrangement& steps, const Shape& from, const Shape& shape) {
  Chain chain;
  Shape now = from;
  const auto reshape_to = [&](const Shape& target) {
    if (now != target) {
      chain.push_back(Reshape{target});
      now = target;
    }
  };
  for (size_t k = steps.size(); k-- > 0;) {
    const Digits back = inverse(steps[k]);
    reshape_to(back.sizes);
    std::vector<int64_t> none(back.order.size());
    std::iota(none.begin(), none.end(), 0);
    if (back.order != none) {
      chain.push_back(Permute{back.order});
      now = permuted_sizes(back);
    }
  }
  reshape_to(shape);
  return chain.empty() ? "" : to_string(chain);
}

} // namespace mflux::parity
