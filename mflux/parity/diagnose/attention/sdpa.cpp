#include "mflux/parity/diagnose/attention/sdpa.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mflux::parity {
namespace {

double added(const std::shared_ptr<const Bias>& bias, int64_t b, int64_t h, int64_t t, int64_t j) {
  return bias ? bias->at(b, h, t, j) : 0;
}

bool fits_bias(const std::shared_ptr<const Bias>& bias, const Heads& q, const Heads& k) {
  return !bias || (bias->keys == k.tokens && (bias->batch == 1 || bias->batch == q.batch) &&
                   (bias->heads == 1 || bias->heads == q.heads) &&
                   (bias->queries == 1 || bias->queries == q.tokens));
}

bool fits_turn(const std::shared_ptr<const Turn>& turn, const Heads& heads) {
  return !turn || fits(*turn, heads);
}

/// Single rows of some heads, turned.
class Rows {
 public:
  Rows(const Heads& heads, const Turn* turn)
      : heads_(heads), turn_(turn), partner_(turn ? partners(*turn) : std::vector<int64_t>{}) {}

  /// One head of one token into `out`.
  void copy(int64_t b, int64_t t, int64_t h, double* out) const {
    const double* x = heads_.at(b, t, h);
    std::copy_n(x, heads_.width, out);
    if (turn_) {
      turn_one(*turn_, partner_, turn_->index(b, turn_->by_head ? h : t), x, out);
    }
  }

  std::vector<double> head(int64_t b, int64_t h) const {
    std::vector<double> out(static_cast<size_t>(heads_.tokens * heads_.width));
    for (int64_t t = 0; t < heads_.tokens; ++t) {
      copy(b, t, h, out.data() + t * heads_.width);
    }
    return out;
  }

 private:
  const Heads& heads_;
  const Turn* turn_;
  std::vector<int64_t> partner_;
};

/// One query's weights over the keys of its head.
class Softmax {
 public:
  Softmax(const Setup& setup, const Heads& q, const Heads& k)
      : setup_(setup), width_(k.width), keys_(k.tokens), shift_(k.tokens - q.tokens) {
    weights_.resize(static_cast<size_t>(keys_));
  }

  const std::vector<double>& of(
      const double* q, const std::vector<double>& keys, int64_t b, int64_t h, int64_t t) {
    const int64_t end = setup_.is_causal ? std::clamp<int64_t>(t + shift_ + 1, 1, keys_) : keys_;
    double most = -1e300;
    for (int64_t j = 0; j < end; ++j) {
      const double product = std::inner_product(q, q + width_, keys.data() + j * width_, 0.0);
      const double score = product * setup_.scale + added(setup_.bias, b, h, t, j) +
                           added(setup_.relative, b, h, t, j);
      weights_[static_cast<size_t>(j)] = score;
      most = std::max(most, score);
    }
    double sum = 0;
    for (int64_t j = 0; j < keys_; ++j) {
      double& weight = weights_[static_cast<size_t>(j)];
      weight = j < end ? std::exp(weight - most) : 0;
      sum += weight;
    }
    for (double& weight : weights_) {
      weight /= sum;
    }
    return weights_;
  }

 private:
  const Setup& setup_;
  int64_t width_, keys_, shift_;
  std::vector<double> weights_;
};

void mix(const std::vector<double>& weights, const Heads& v, int64_t b, int64_t h, double* out) {
  for (int64_t j = 0; j < v.tokens; ++j) {
    const double weight = weights[static_cast<size_t>(j)];
    const double* value = v.at(b, j, h);
    for (int64_t i = 0; weight != 0 && i < v.width; ++i) {
      out[i] += weight * value[i];
    }
  }
}

} // namespace

std::vector<int64_t> spread(int64_t first, int64_t count, int64_t most) {
  const int64_t n = std::min(count, most);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < n; ++i) {
    out.push_back(first + (n == 1 ? 0 : i * (count - 1) / (n - 1)));
  }
  return out;
}

bool fits(const Projections& parts, const Setup& setup) {
  const auto& [q, k, v] = parts;
  return q.batch == k.batch && k.batch == v.batch && k.tokens == v.tokens && q.width == k.width &&
         k.heads == v.heads && k.heads > 0 && q.heads % k.heads == 0 &&
         fits_turn(setup.turn_q, q) && fits_turn(setup.turn_k, k) && fits_bias(setup.bias, q, k) &&
         fits_bias(setup.relative, q, k);
}

Heads attended(const Projections& parts, const Setup& setup, const QueryRows& sample) {
  const auto& [q, k, v] = parts;
  Heads out = heads_of(q.batch, q.tokens, q.heads, v.width);
  const Rows queries(q, setup.turn_q.get()), all_keys(k, setup.turn_k.get());
  Softmax softmax(setup, q, k);
  std::vector<double> query(static_cast<size_t>(q.width)), keys;
  const int64_t repeats = q.heads / k.heads;
  for (const int64_t b : sample.batches) {
    int64_t last = -1;
    for (const int64_t h : sample.heads) {
      const int64_t key_head = setup.tiles_keys ? h % k.heads : h / repeats;
      if (key_head != last) {
        keys = all_keys.head(b, key_head);
        last = key_head;
      }
      for (const int64_t t : sample.tokens) {
        queries.copy(b, t, h, query.data());
        mix(softmax.of(query.data(), keys, b, h, t), v, b, key_head, out.at(b, t, h));
      }
    }
  }
  return out;
}

} // namespace mflux::parity
