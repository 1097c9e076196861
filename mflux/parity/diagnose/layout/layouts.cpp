#include "mflux/parity/diagnose/layout/layouts.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace mflux::parity {

using artifacts::Shape;

namespace {

/// Of tensors that are looked at.
constexpr size_t kMostAxes = 10;

/// Of digits that are permuted in every way.
constexpr size_t kMostDigits = 6;

/// Of ways to split an axis in three.
constexpr size_t kMostTriples = 160;

using Visit = std::function<void(const Rearrangement&)>;

std::vector<int64_t> counting(size_t n) {
  std::vector<int64_t> out(n);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

Shape without_ones(const Shape& shape) {
  Shape out;
  std::copy_if(
      shape.begin(), shape.end(), std::back_inserter(out), [](int64_t n) { return n != 1; });
  return out;
}

std::vector<std::pair<int64_t, int64_t>> pairs_of(int64_t n) {
  std::vector<std::pair<int64_t, int64_t>> out;
  for (int64_t a = 2; a * a <= n; ++a) {
    if (n % a == 0) {
      out.emplace_back(a, n / a);
      if (a != n / a) {
        out.emplace_back(n / a, a);
      }
    }
  }
  return out;
}

Shape with_split(const Shape& sizes, size_t axis, const Shape& parts) {
  Shape out = sizes;
  const auto at = out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(at, parts.begin(), parts.end());
  return out;
}

/// Every order of the digits but the given one.
void visit_orders(const Shape& sizes, const Visit& visit) {
  auto order = counting(sizes.size());
  if (sizes.size() > kMostDigits) {
    return;
  }
  while (std::next_permutation(order.begin(), order.end())) {
    visit({{sizes, order}});
  }
}

/// Every order of some digits that stand side by side; the others stay.
void visit_orders_of(const Shape& sizes, size_t begin, size_t count, const Visit& visit) {
  auto order = counting(sizes.size());
  const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
  while (std::next_permutation(first, first + static_cast<std::ptrdiff_t>(count))) {
    visit({{sizes, order}});
  }
}

/// Taken for a tensor whose axes stand in another order, and then permuted.
void visit_misreadings(const Shape& sizes, const Visit& visit) {
  if (sizes.size() > 5) {
    return;
  }
  auto read_as = counting(sizes.size());
  while (std::next_permutation(read_as.begin(), read_as.end())) {
    visit_orders(permuted_sizes({sizes, read_as}), visit);
  }
}

void visit_one_split(const Shape& sizes, const Visit& visit) {
  for (size_t axis = sizes.size(); axis-- > 0;) {
    for (const auto& [a, b] : pairs_of(sizes[axis])) {
      visit_orders(with_split(sizes, axis, {a, b}), visit);
    }
  }
}

void visit_one_triple(const Shape& sizes, const Visit& visit) {
  for (size_t axis = sizes.size(); axis-- > 0;) {
    size_t seen = 0;
    for (const auto& [a, rest] : pairs_of(sizes[axis])) {
      for (const auto& [b, c] : pairs_of(rest)) {
        if (++seen > kMostTriples) {
          break;
        }
        const Shape split = with_split(sizes, axis, {a, b, c});
        if (sizes.size() <= 2) {
          visit_orders(split, visit);
        } else {
          visit_orders_of(split, axis, 3, visit);
        }
      }
    }
  }
}

/// Two axes cut into patches of p x p, in every order of the parts.
void visit_patches(const Shape& sizes, const Visit& visit) {
  if (sizes.size() + 2 > kMostDigits) {
    return;
  }
  for (size_t x = sizes.size(); x-- > 1;) {
    for (size_t y = x; y-- > 0;) {
      for (int64_t p = 2; p <= 32; ++p) {
        if (sizes[x] % p != 0 || sizes[y] % p != 0) {
          continue;
        }
        Shape split = with_split(sizes, x, {sizes[x] / p, p});
        visit_orders(with_split(split, y, {sizes[y] / p, p}), visit);
      }
    }
  }
}

/// Tokens of a grid and the patch inside a token both turned.
void visit_turned_tokens(const Shape& sizes, const Visit& visit) {
  if (sizes.size() < 2) {
    return;
  }
  const size_t tokens = sizes.size() - 2, channels = tokens + 1;
  for (const auto& [h, w] : pairs_of(sizes[tokens])) {
    for (int64_t p = 2; p <= 16; ++p) {
      if (sizes[channels] % (p * p) != 0) {
        continue;
      }
      const Digits grid{with_split(sizes, tokens, {h, w}), [&] {
                          auto order = counting(sizes.size() + 1);
                          std::swap(order[tokens], order[tokens + 1]);
                          return order;
                        }()};
      const int64_t c = sizes[channels] / (p * p);
      for (const Shape& parts : {Shape{c, p, p}, Shape{p, p, c}, Shape{p, c, p}}) {
        visit_orders_of(
            with_split(sizes, channels, parts), channels, 3, [&](const Rearrangement& patch) {
              visit({grid, patch.front()});
            });
      }
    }
  }
}

/// [B, heads, tokens, d] made from [B, tokens, C] by another split of C.
void visit_head_splits(const Shape& shape, const Visit& visit) {
  if (shape.size() < 3) {
    return;
  }
  const size_t n = shape.size();
  const int64_t width = shape[n - 1];
  const Shape outer(shape.begin(), shape.end() - 3);
  for (const bool heads_first : {true, false}) {
    const int64_t tokens = heads_first ? shape[n - 2] : shape[n - 3];
    const int64_t heads = heads_first ? shape[n - 3] : shape[n - 2];
    auto order = counting(n);
    if (heads_first) {
      std::swap(order[n - 3], order[n - 2]);
    }
    const Digits join{shape, order};
    for (const auto& [a, b] : pairs_of(heads * width)) {
      Shape sizes = outer;
      sizes.insert(sizes.end(), {tokens, a, b});
      auto swapped = counting(n);
      std::swap(swapped[n - 2], swapped[n - 1]);
      visit({join, {sizes, swapped}, inverse(join)});
    }
  }
}

/// Where the parts c, p, p of a packed axis stand.
using PartOrder = std::array<int64_t, 3>;

std::vector<PartOrder> part_orders() {
  std::vector<PartOrder> out;
  PartOrder order = {0, 1, 2};
  do {
    out.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  return out;
}

/// From [n, c, h, p, w, p] or, channels last, [n, h, p, w, p, c] to [n, parts of K, h, w].
Digits packing(
    int64_t n, int64_t c, int64_t h, int64_t w, int64_t p, bool channels_last, PartOrder parts) {
  const PartOrder axis = channels_last ? PartOrder{5, 2, 4} : PartOrder{1, 3, 5};
  Digits out{channels_last ? Shape{n, h, p, w, p, c} : Shape{n, c, h, p, w, p}, {0}};
  for (const int64_t part : parts) {
    out.order.push_back(axis[static_cast<size_t>(part)]);
  }
  out.order.push_back(channels_last ? 1 : 2);
  out.order.push_back(channels_last ? 3 : 4);
  return out;
}

/// An image put together from a packed axis whose parts stand in another order.
void visit_unpackings(const Shape& shape, const Visit& visit) {
  if (shape.size() < 3) {
    return;
  }
  const size_t r = shape.size();
  const int64_t n =
      std::accumulate(shape.begin(), shape.end() - 3, int64_t{1}, std::multiplies<>());
  const auto orders = part_orders();
  for (const bool channels_last : {false, true}) {
    const int64_t c = channels_last ? shape[r - 1] : shape[r - 3];
    const int64_t height = channels_last ? shape[r - 3] : shape[r - 2];
    const int64_t width = channels_last ? shape[r - 2] : shape[r - 1];
    for (int64_t p = 2; p <= 16; ++p) {
      if (height % p != 0 || width % p != 0) {
        continue;
      }
      for (const auto& a : orders) {
        for (const auto& b : orders) {
          if (a != b) {
            const auto pack = [&](PartOrder o) {
              return packing(n, c, height / p, width / p, p, channels_last, o);
            };
            visit({pack(a), inverse(pack(b))});
          }
        }
      }
    }
  }
}

} // namespace

void visit_layouts(const Shape& shape, const Visit& visit) {
  const Shape sizes = without_ones(shape);
  if (sizes.empty() || shape.size() > kMostAxes) {
    return;
  }
  visit_orders(sizes, visit);
  visit_misreadings(sizes, visit);
  visit_one_split(sizes, visit);
  visit_patches(sizes, visit);
  visit_one_triple(sizes, visit);
  visit_head_splits(shape, visit);
  visit_unpackings(shape, visit);
  visit_turned_tokens(sizes, visit);
}

} // namespace mflux::parity
