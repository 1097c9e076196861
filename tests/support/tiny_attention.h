#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "support/dumps.h"

namespace mflux::testing {

/// An attention written out in plain loops, with everything that can go wrong as a field. Tensors
/// are [1, tokens, heads, width], the output [1, tokens, heads * width].
struct TinyAttention {
  int tokens = 13, heads = 4, key_heads = 4, width = 8;
  double theta_q = 100, theta_k = 100, sign = 1, first_query = 0, scale = 0;
  bool is_turned = true, pairs_halves = true, by_head = false, is_causal = false, tiles = false;
  std::optional<int> valid; ///< keys from there on are hidden

  std::vector<float> q, k, v;

  explicit TinyAttention(unsigned seed, int with_key_heads = 4) : key_heads(with_key_heads) {
    const auto count = [&](int n) { return static_cast<size_t>(tokens * n * width); };
    q = normal(count(heads), seed);
    k = normal(count(key_heads), seed + 1);
    v = normal(count(key_heads), seed + 2);
    for (auto* side : {&q, &k}) {
      for (float& value : *side) {
        value *= 1.5f;
      }
    }
  }

  double angle(double t, int h, int pair, double theta) const {
    const double position = by_head ? h : t;
    return sign * position * std::pow(theta, -2.0 * pair / width);
  }

  std::vector<double> turned(const std::vector<float>& x, int n, double theta, double first) const {
    std::vector<double> out(x.begin(), x.end());
    for (int t = 0; is_turned && t < tokens; ++t) {
      for (int h = 0; h < n; ++h) {
        for (int i = 0; i < width / 2; ++i) {
          const auto row = static_cast<size_t>((t * n + h) * width);
          const size_t a = row + static_cast<size_t>(pairs_halves ? i : 2 * i);
          const size_t b = row + static_cast<size_t>(pairs_halves ? i + width / 2 : 2 * i + 1);
          const double c = std::cos(angle(t + first, h, i, theta)),
                       s = std::sin(angle(t + first, h, i, theta));
          out[a] = x[a] * c - x[b] * s;
          out[b] = x[b] * c + x[a] * s;
        }
      }
    }
    return out;
  }

  bool sees(int t, int j) const {
    return (!is_causal || j <= t) && (!valid || j < *valid);
  }

  std::vector<float> output() const {
    const auto a = turned(q, heads, theta_q, first_query);
    const auto b = turned(k, key_heads, theta_k, 0);
    const double by = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(width));
    std::vector<float> out;
    for (int t = 0; t < tokens; ++t) {
      for (int h = 0; h < heads; ++h) {
        const int from = tiles ? h % key_heads : h / (heads / key_heads);
        std::vector<double> row(static_cast<size_t>(width));
        double sum = 0;
        for (int j = 0; j < tokens; ++j) {
          double score = 0;
          for (int i = 0; i < width; ++i) {
            score += a[static_cast<size_t>((t * heads + h) * width + i)] *
                     b[static_cast<size_t>((j * key_heads + from) * width + i)];
          }
          const double weight = sees(t, j) ? std::exp(by * score) : 0;
          sum += weight;
          for (int i = 0; i < width; ++i) {
            row[static_cast<size_t>(i)] +=
                weight * v[static_cast<size_t>((j * key_heads + from) * width + i)];
          }
        }
        for (const double value : row) {
          out.push_back(static_cast<float>(value / sum));
        }
      }
    }
    return out;
  }

  /// Cosine and sine per element, [tokens, width].
  std::vector<float> table(double (*of)(double)) const {
    std::vector<float> out;
    for (int t = 0; t < tokens; ++t) {
      for (int i = 0; i < width; ++i) {
        const int pair = pairs_halves ? i % (width / 2) : i / 2;
        out.push_back(static_cast<float>(of(angle(t, 0, pair, theta_q))));
      }
    }
    return out;
  }
};

} // namespace mflux::testing
