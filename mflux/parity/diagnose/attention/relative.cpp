#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mflux/parity/diagnose/attention/rotated.h"
#include "mflux/parity/diagnose/attention/turn.h"

namespace mflux::parity {
namespace {

/// How far from a straight line angles may lie, and how near to a number a slope is that number.
constexpr double kStraight = 0.05, kNear = 0.02;

/// Largest tensor that is looked at: angles of every pair of every token are solved for.
constexpr int64_t kMostElements = 1 << 23;

/// The port's angle over the reference's, of each pair: a + w t at token t.
struct Lines {
  std::vector<double> at_zero, slope;
  bool is_straight = false;
};

double wrapped(double angle) {
  return std::remainder(angle, 2 * std::numbers::pi);
}

/// One pair's angle at one token, from the elements that `fit` holds; nothing from too few.
class Angle {
 public:
  /// y = x turned by the angle: one element, x's own and its partner's with the sign of the sine.
  void add(double own, double other, double y) {
    cc_ += own * own;
    cs_ += own * other;
    ss_ += other * other;
    cy_ += own * y;
    sy_ += other * y;
  }

  std::optional<double> value() const {
    const double determinant = cc_ * ss_ - cs_ * cs_;
    if (determinant <= 1e-3 * (cc_ + ss_) * (cc_ + ss_)) {
      return std::nullopt;
    }
    const double c = (ss_ * cy_ - cs_ * sy_) / determinant;
    const double s = (cc_ * sy_ - cs_ * cy_) / determinant;
    return std::atan2(s, c);
  }

 private:
  double cc_ = 0, cs_ = 0, ss_ = 0, cy_ = 0, sy_ = 0;
};

/// The element's place in the checkpoint.
int64_t place(const Heads& heads, HeadLayout layout, int64_t b, int64_t t, int64_t h, int64_t i) {
  return layout == HeadLayout::tokens_first
             ? heads.index(b, t, h) + i
             : ((b * heads.heads + h) * heads.tokens + t) * heads.width + i;
}

struct Pair {
  Heads ref, port;
  HeadLayout layout = HeadLayout::tokens_first;
  Pairing pairing = Pairing::half;
};

std::optional<double> angle_at(const Pair& pair, int64_t t, int64_t first, const Half& fit) {
  const Heads &x = pair.ref, &y = pair.port;
  const int64_t second = first + (pair.pairing == Pairing::half ? x.width / 2 : 1);
  Angle angle;
  for (int64_t b = 0; b < x.batch; ++b) {
    for (int64_t h = 0; h < x.heads; ++h) {
      const double *from = x.at(b, t, h), *to = y.at(b, t, h);
      if (fit.holds(place(x, pair.layout, b, t, h, first))) {
        angle.add(from[first], -from[second], to[first]);
      }
      if (fit.holds(place(x, pair.layout, b, t, h, second))) {
        angle.add(from[second], from[first], to[second]);
      }
    }
  }
  return angle.value();
}

/// A straight line through the angles of one pair, unwound from token to token.
bool add_line(const std::vector<std::optional<double>>& angles, Lines& lines) {
  std::optional<double> start, slope;
  double begin = 0, span = 0;
  for (size_t t = 0; t < angles.size(); ++t) {
    const auto at = static_cast<double>(t);
    if (!angles[t]) {
      continue;
    }
    if (!start) {
      start = angles[t];
      begin = at;
    } else if (!slope) {
      span = at - begin;
      slope = wrapped(*angles[t] - *start) / span;
    } else {
      const double off = wrapped(*angles[t] - *start - *slope * (at - begin));
      if (std::abs(off) > 0.5) {
        return false;
      }
      span = at - begin;
      *slope += off / span;
    }
  }
  if (!slope) {
    return false;
  }
  for (size_t t = 0; t < angles.size(); ++t) {
    const double off =
        angles[t] ? *angles[t] - *start - *slope * (static_cast<double>(t) - begin) : 0;
    if (std::abs(wrapped(off)) > kStraight) {
      return false;
    }
  }
  lines.at_zero.push_back(wrapped(*start - *slope * begin));
  lines.slope.push_back(*slope);
  return true;
}

std::optional<Lines> lines_of(const Pair& pair, const Half& fit) {
  Lines lines;
  for (int64_t j = 0; j < pair.ref.width / 2; ++j) {
    const int64_t first = pair.pairing == Pairing::half ? j : 2 * j;
    std::vector<std::optional<double>> angles;
    for (int64_t t = 0; t < pair.ref.tokens; ++t) {
      angles.push_back(angle_at(pair, t, first, fit));
    }
    if (!add_line(angles, lines)) {
      return std::nullopt;
    }
  }
  return lines;
}

double most(const std::vector<double>& values) {
  double out = 0;
  for (const double value : values) {
    out = std::max(out, std::abs(value));
  }
  return out;
}

/// The cause that such lines stand for; null for none. Frequencies begin with 1 and fall.
const char* cause_of(const Lines& lines) {
  if (most(lines.slope) < 1e-3 && most(lines.at_zero) > kNear) {
    return "rope.offset";
  }
  if (most(lines.at_zero) > kNear || lines.slope.size() < 2) {
    return nullptr;
  }
  if (std::abs(std::abs(lines.slope[0]) - 2) < kNear) {
    const bool falls =
        std::is_sorted(lines.slope.rbegin(), lines.slope.rend(), [](double a, double b) {
          return std::abs(a) < std::abs(b);
        });
    return falls ? "rope.sign" : nullptr;
  }
  const bool is_theta = std::abs(lines.slope[0]) < 1e-3 && most(lines.slope) > 1e-3;
  return is_theta ? "rope.theta" : nullptr;
}

Turn turn_of(const Lines& lines, const Pair& pair) {
  Turn out{pair.pairing, 1, pair.ref.tokens, pair.ref.width, {}, {}, false, {}};
  for (int64_t t = 0; t < out.rows; ++t) {
    for (int64_t i = 0; i < out.width; ++i) {
      const auto j =
          static_cast<size_t>(out.pairing == Pairing::half ? i % (out.width / 2) : i / 2);
      const double angle = lines.at_zero[j] + lines.slope[j] * static_cast<double>(t);
      out.cos.push_back(std::cos(angle));
      out.sin.push_back(std::sin(angle));
    }
  }
  return out;
}

} // namespace

void propose_relative(const Case& at, Proposals& proposals) {
  if (at.ref.rank() != 4 || at.ref.width() < 4 || at.ref.width() % 2 != 0 ||
      at.ref.count() > kMostElements) {
    return;
  }
  for (const HeadLayout layout : {HeadLayout::tokens_first, HeadLayout::heads_first}) {
    for (const Pairing pairing : {Pairing::half, Pairing::interleaved}) {
      const auto ref = heads_of(at.ref, at.ref.width(), layout);
      const auto port = heads_of(at.port, at.ref.width(), layout);
      if (!ref || !port || ref->tokens < 4) {
        continue;
      }
      const auto pair = std::make_shared<const Pair>(Pair{*ref, *port, layout, pairing});
      const auto lines = lines_of(*pair, Half::all());
      const char* id = lines ? cause_of(*lines) : nullptr;
      if (!id) {
        continue;
      }
      const auto predict = [&at, pair](const Half& fit) -> std::optional<Prediction> {
        const auto found = lines_of(*pair, fit);
        if (!found) {
          return std::nullopt;
        }
        return Prediction{
            field_of(turned(pair->ref, turn_of(*found, *pair)), at.ref.shape, pair->layout),
            "",
            fmt::format(
                "token t turned on by t times {:.4g}, {:.4g}, … and {:.4g}, {:.4g}, …",
                found->slope[0],
                found->slope[1],
                found->at_zero[0],
                found->at_zero[1])};
      };
      proposals.add({id, predict, true});
    }
  }
}

} // namespace mflux::parity
