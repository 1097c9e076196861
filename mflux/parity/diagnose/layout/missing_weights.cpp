#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/layout/linear_fit.h"
#include "mflux/parity/diagnose/layout/weights.h"

namespace mflux::parity {
namespace {

/// Slopes of a norm whose weight is not there differ by more than this part of them.
constexpr double kOneFactor = 0.25;

bool is_class(const Case& at, const char* part) {
  return at.module_class().find(part) != std::string::npos;
}

/// A norm with parameters of its own, that nothing modulates.
bool is_plain_norm(const Case& at) {
  return is_class(at, "Norm") && !is_class(at, "Ada") && !is_class(at, "Zero") &&
         !is_class(at, "Continuous") && !is_class(at, "Single");
}

/// Of each element, which channel it lies in.
struct Channels {
  int64_t count = 1, inner = 1;

  int64_t of(int64_t i) const {
    return i / inner % count;
  }
};

Channels channels_of(const Case& at) {
  const auto& shape = at.ref.shape;
  const bool is_image =
      is_class(at, "GroupNorm") || is_class(at, "Conv") || is_class(at, "BatchNorm");
  Channels out;
  if (is_image && shape.size() > 2) {
    out.count = shape[1];
    for (size_t k = 2; k < shape.size(); ++k) {
      out.inner *= shape[k];
    }
  } else if (!shape.empty()) {
    out.count = shape.back();
  }
  return out;
}

/// Sums of a straight line through a channel's values.
struct Line {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;

  double slope() const {
    const double spread = xx - x * x / n;
    return n > 2 && spread > 1e-12 * xx ? (xy - x * y / n) / spread : 0;
  }

  double offset() const {
    return n > 0 ? (y - slope() * x) / n : 0;
  }
};

/// All channels are scaled alike, as by another eps or a constant: no weight of a channel does
/// that.
bool is_one_factor(const std::vector<Line>& lines) {
  std::vector<double> slopes;
  for (const Line& line : lines) {
    slopes.push_back(line.slope());
  }
  std::sort(slopes.begin(), slopes.end());
  const size_t tail = slopes.size() / 20;
  const double spread = slopes[slopes.size() - 1 - tail] - slopes[tail];
  return spread < kOneFactor * std::abs(slopes[slopes.size() / 2]);
}

/// port = slope · ref + offset in every channel, or the offset alone; nothing where one slope is
/// all channels'.
std::optional<Prediction> line_per_channel(
    const Case& at, const Half& fit, bool constant, const std::string& detail) {
  const Channels channels = channels_of(at);
  std::vector<Line> lines(static_cast<size_t>(channels.count));
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    if (!fit.holds(i)) {
      continue;
    }
    const double a = constant ? 0 : at.ref.values[static_cast<size_t>(i)];
    const double b = at.port.values[static_cast<size_t>(i)];
    Line& line = lines[static_cast<size_t>(channels.of(i))];
    ++line.n;
    line.x += a;
    line.y += b;
    line.xx += a * a;
    line.xy += a * b;
  }
  if (!constant && is_one_factor(lines)) {
    return std::nullopt;
  }
  Prediction out{at.ref, {}, detail, {}};
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    const Line& line = lines[static_cast<size_t>(channels.of(i))];
    double& value = out.field.values[static_cast<size_t>(i)];
    value = (constant ? 0 : line.slope() * value) + line.offset();
  }
  return out;
}

/// Of one sample another grouping too gives every channel another scale.
bool may_be_grouping(const Case& at) {
  return is_class(at, "GroupNorm") && !at.ref.shape.empty() && at.ref.shape.front() == 1;
}

void propose_norm(const Case& at, Proposals& proposals) {
  const bool knows_weights = !at.scene.comparison().ref.weights().empty();
  if (!is_plain_norm(at) || may_be_grouping(at) ||
      (knows_weights && !at.weight(Side::ref, "weight"))) {
    return;
  }
  proposals.add(
      {"weights.missing",
       [&at](const Half& fit) {
         return line_per_channel(
             at, fit, false, at.module() + ".weight: every channel has another scale");
       },
       true});
}

/// Every token, or pixel, holds the same.
void propose_constant(const Case& at, Proposals& proposals) {
  if (!is_class(at, "Linear") && !is_class(at, "Conv") && !is_class(at, "Embedding")) {
    return;
  }
  proposals.add(
      {"weights.missing",
       [&at](const Half& fit) {
         return line_per_channel(
             at, fit, true, at.module() + ".weight is zero: every token holds the bias");
       },
       true});
}

/// A linear layer, but another.
void propose_other_linear(const Case& at, Proposals& proposals) {
  const auto input = at.input();
  if (!is_class(at, "Linear") || is_class(at, "Norm") || !input || !at.is_first) {
    return;
  }
  const auto both = fit_linear(input->ref, at.ref), port = fit_linear(input->ref, at.port);
  if (!both || !port || relative_error(*both, at.ref) > 1e-3 + 4 * at.floor()) {
    return;
  }
  proposals.add(
      {"weights.missing",
       [&at, field = *port](const Half&) {
         return std::optional(Prediction{
             field,
             {},
             fmt::format("{} is linear in its input, with another weight", at.module()),
             {}});
       },
       false});
}

} // namespace

void propose_missing_weights(const Case& at, Proposals& proposals) {
  const Channels channels = channels_of(at);
  if (!at.same_shape || at.name().role != Role::out || at.ref.count() < 8 * channels.count) {
    return;
  }
  propose_norm(at, proposals);
  propose_constant(at, proposals);
  propose_other_linear(at, proposals);
}

} // namespace mflux::parity
