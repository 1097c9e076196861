#include "mflux/parity/diagnose/pointwise/norm_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "mflux/parity/diagnose/pointwise/lay.h"
#include "mflux/parity/diagnose/pointwise/nearby.h"

namespace mflux::parity {
namespace {

constexpr std::array<double, 9> kEpsilons = {0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.05};
constexpr int64_t kMostGroups = 64;
constexpr int64_t kFewRows = 6; ///< fewer cannot tell weight and bias from the norm

bool is_over_channels(const Spread& spread) {
  return spread.kind == Spread::Kind::channel || spread.kind == Spread::Kind::grouped ||
         spread.kind == Spread::Kind::interleaved;
}

int64_t group_of(const Spread& spread, const artifacts::Shape& shape, int64_t i) {
  using Kind = Spread::Kind;
  const int64_t width = shape.back();
  if (spread.kind == Kind::none) {
    return 0;
  }
  if (spread.kind == Kind::last) {
    return i / width;
  }
  if (spread.kind == Kind::part) {
    return i / (width / spread.groups);
  }
  const Lay lay = lay_of(shape, 1);
  const int64_t sample = i / (lay.n * lay.inner);
  if (spread.kind == Kind::channel) {
    return sample * lay.inner + i % lay.inner;
  }
  const int64_t channel = lay.at(i);
  return sample * spread.groups + (spread.kind == Kind::grouped ? channel / (lay.n / spread.groups)
                                                                : channel % spread.groups);
}

/// The ways that weight and bias may lie over a tensor.
std::vector<std::vector<int64_t>> cell_axes(const Spread& spread, int64_t rank) {
  const int64_t channels = is_over_channels(spread) ? 1 : rank - 1;
  std::vector<std::vector<int64_t>> out = {{channels}};
  if (rank >= 3) {
    out.push_back({0, channels});
  }
  return out;
}

std::vector<int32_t> cells_of(const artifacts::Shape& shape, const std::vector<int64_t>& axes) {
  const Cells cells(shape, axes);
  std::vector<int32_t> out(static_cast<size_t>(artifacts::element_count(shape)));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<int32_t>(cells.of(static_cast<int64_t>(i)));
  }
  return out;
}

enum class Affine { none, dumped, dumped_plus_one, weight, both };

/// Fills weight and bias; false when that affine cannot be had.
bool set_affine(const Case& at, NormModel& model, Affine affine, const Normal& normal) {
  const auto cells =
      static_cast<size_t>(1 + *std::max_element(model.cell.begin(), model.cell.end()));
  model.weight.assign(cells, 1);
  model.bias.assign(cells, 0);
  if (affine == Affine::none) {
    return true;
  }
  if (affine == Affine::dumped || affine == Affine::dumped_plus_one) {
    const auto weight = at.weight(Side::ref, "weight"), bias = at.weight(Side::ref, "bias");
    if (!weight || weight->values.size() != cells) {
      return false;
    }
    model.weight = weight->values;
    for (double& w : model.weight) {
      w += affine == Affine::dumped_plus_one ? 1 : 0;
    }
    if (bias && bias->values.size() == cells) {
      model.bias = bias->values;
    }
    return true;
  }
  if (static_cast<int64_t>(model.cell.size() / cells) < kFewRows) {
    return false;
  }
  std::vector<Line> lines(cells);
  for (size_t i = 0; i < model.cell.size(); ++i) {
    lines[static_cast<size_t>(model.cell[i])].add(normal(i), at.ref.values[i]);
  }
  for (size_t c = 0; c < cells; ++c) {
    model.weight[c] = affine == Affine::weight ? lines[c].scale() : lines[c].slope();
    model.bias[c] = affine == Affine::weight ? 0 : lines[c].offset();
  }
  return true;
}

void measure(const Case& at, NormModel& model, Affine affine) {
  const Normal normal(model.input->ref, *model.statistics, model.form);
  model.left = HUGE_VAL;
  if (!set_affine(at, model, affine, normal)) {
    return;
  }
  double left = 0, norm = 0;
  for (size_t i = 0; i < model.cell.size(); ++i) {
    const auto c = static_cast<size_t>(model.cell[i]);
    left += std::pow(at.ref.values[i] - model.weight[c] * normal(i) - model.bias[c], 2);
    norm += at.ref.values[i] * at.ref.values[i];
  }
  const double value = norm > 0 ? std::sqrt(left / norm) : HUGE_VAL;
  model.left = std::isfinite(value) ? value : HUGE_VAL;
}

/// The best epsilon for a form that comes near with a usual one.
NormModel with_best_eps(const Case& at, NormModel model, Affine affine) {
  NormModel best = model;
  for (const double eps : kEpsilons) {
    model.form.eps = eps;
    measure(at, model, affine);
    if (model.left < best.left) {
      best = model;
    }
  }
  return best;
}

/// All spreads, but of a large tensor that no name calls a norm only those that cost little.
std::vector<Spread> likely_spreads(const Case& at) {
  constexpr int64_t kSmall = 1 << 15;
  auto spreads = spreads_of(at.ref.shape);
  std::string text = at.module_class() + at.module();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  if (at.ref.count() > kSmall && text.find("norm") == std::string::npos) {
    spreads.resize(2);
  }
  return spreads;
}

/// The best model of one input among those with as few parameters of their own as possible.
std::shared_ptr<const NormModel> model_of(const Case& at, const Nearby& source) {
  constexpr double kNear = 0.5;
  const double least = std::max(2 * at.floor(), 5e-6);
  const auto spreads = likely_spreads(at);
  std::vector<std::shared_ptr<const Statistics>> statistics;
  for (const auto& spread : spreads) {
    statistics.push_back(
        std::make_shared<const Statistics>(statistics_of(source.pair->ref, spread)));
  }
  for (const Affine affine :
       {Affine::none, Affine::dumped, Affine::dumped_plus_one, Affine::weight, Affine::both}) {
    for (const size_t which : {0u, 1u}) {
      NormModel best;
      best.left = HUGE_VAL;
      for (size_t s = 0; s < spreads.size(); ++s) {
        const auto axes = cell_axes(spreads[s], at.ref.rank());
        if (which >= axes.size() || (which == 1 && affine < Affine::weight)) {
          continue;
        }
        for (const bool has_mean : {true, false}) {
          if (spreads[s].kind == Spread::Kind::none && (has_mean || affine < Affine::weight)) {
            continue;
          }
          NormModel model{source.pair, statistics[s], {spreads[s], has_mean}, {}, {}, {}, HUGE_VAL};
          model.cell = cells_of(at.ref.shape, axes[which]);
          measure(at, model, affine);
          if (model.left < kNear && spreads[s].kind != Spread::Kind::none) {
            model = with_best_eps(at, std::move(model), affine);
          }
          if (model.left < best.left) {
            best = std::move(model);
          }
        }
      }
      if (best.left <= least) {
        return std::make_shared<const NormModel>(std::move(best));
      }
    }
  }
  return nullptr;
}

} // namespace

std::string Spread::words() const {
  switch (kind) {
    case Kind::none:
      return "no norm";
    case Kind::last:
      return "the last axis";
    case Kind::part:
      return fmt::format("{} parts of the last axis", groups);
    case Kind::channel:
      return "axis 1 at each place";
    case Kind::grouped:
      return fmt::format("{} groups of neighbouring channels", groups);
    default:
      return fmt::format("{} groups of channels c % {}", groups, groups);
  }
}

std::vector<Spread> spreads_of(const artifacts::Shape& shape) {
  using Kind = Spread::Kind;
  std::vector<Spread> out = {{Kind::last, 1}, {Kind::none, 1}};
  for (int64_t parts = 2; parts <= kMostGroups; ++parts) {
    if (shape.back() % parts == 0 && shape.back() / parts >= 8) {
      out.push_back({Kind::part, parts});
    }
  }
  if (shape.size() < 3) {
    return out;
  }
  out.push_back({Kind::channel, 1});
  const int64_t channels = shape[1];
  for (int64_t groups = 1; groups <= std::min(channels, kMostGroups); ++groups) {
    if (channels % groups == 0) {
      out.push_back({Kind::grouped, groups});
      if (groups > 1 && groups < channels) {
        out.push_back({Kind::interleaved, groups});
      }
    }
  }
  return out;
}

Statistics statistics_of(const Field& input, const Spread& spread) {
  Statistics out;
  out.group.resize(input.values.size());
  int32_t groups = 0;
  for (size_t i = 0; i < input.values.size(); ++i) {
    out.group[i] = static_cast<int32_t>(group_of(spread, input.shape, static_cast<int64_t>(i)));
    groups = std::max(groups, out.group[i] + 1);
  }
  out.mean.assign(static_cast<size_t>(groups), 0);
  out.square = out.count = out.mean;
  for (size_t i = 0; i < input.values.size(); ++i) {
    const auto g = static_cast<size_t>(out.group[i]);
    out.mean[g] += input.values[i];
    out.square[g] += input.values[i] * input.values[i];
    out.count[g] += 1;
  }
  for (size_t g = 0; g < out.mean.size(); ++g) {
    out.mean[g] /= std::max(out.count[g], 1.0);
    out.square[g] /= std::max(out.count[g], 1.0);
  }
  return out;
}

Normal::Normal(const Field& input, const Statistics& statistics, const NormForm& form)
    : input_(input), statistics_(statistics) {
  const size_t groups = statistics.mean.size();
  shift_.assign(groups, 0);
  factor_.assign(groups, 1);
  if (form.spread.kind == Spread::Kind::none) {
    return;
  }
  for (size_t g = 0; g < groups; ++g) {
    double variance = statistics.square[g];
    if (form.has_mean) {
      shift_[g] = statistics.mean[g];
      variance = std::max(0.0, variance - shift_[g] * shift_[g]);
    }
    if (form.is_unbiased && statistics.count[g] > 1) {
      variance *= statistics.count[g] / (statistics.count[g] - 1);
    }
    const double root =
        form.eps_outside ? std::sqrt(variance) + form.eps : std::sqrt(variance + form.eps);
    factor_[g] = root > 0 ? 1 / root : 0;
  }
}

Field NormModel::with(const NormForm& other) const {
  const bool is_same =
      other.spread.kind == form.spread.kind && other.spread.groups == form.spread.groups;
  const Statistics fresh = is_same ? Statistics{} : statistics_of(input->ref, other.spread);
  const Normal normal(input->ref, is_same ? *statistics : fresh, other);
  Field field{input->ref.shape, std::vector<double>(cell.size())};
  for (size_t i = 0; i < cell.size(); ++i) {
    const auto c = static_cast<size_t>(cell[i]);
    field.values[i] = weight[c] * normal(i) + bias[c];
  }
  return field;
}

std::shared_ptr<const NormModel> refitted(
    const Case& at, const NormModel& model, const Spread& spread) {
  NormModel out = model;
  out.form.spread = spread;
  out.form.has_mean = true;
  out.form.eps = 1e-6;
  out.statistics = std::make_shared<const Statistics>(statistics_of(model.input->ref, spread));
  measure(at, out, Affine::both);
  return out.left <= std::max(2 * at.floor(), 5e-6) ? std::make_shared<const NormModel>(out)
                                                    : nullptr;
}

std::shared_ptr<const NormModel> norm_model(const Case& at) {
  constexpr int64_t kMost = int64_t{1} << 22;
  if (at.ref.count() != at.port.count() || at.ref.rank() < 1 || at.ref.count() > kMost ||
      at.ref.width() < 2) {
    return nullptr;
  }
  for (const auto& source : nearby(at, at.ref.count())) {
    if (source.pair->ref.shape != at.ref.shape) {
      continue;
    }
    if (auto model = model_of(at, source)) {
      return model;
    }
  }
  return nullptr;
}

} // namespace mflux::parity
