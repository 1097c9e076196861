#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/attention/plan_variants.h"
#include "mflux/parity/diagnose/attention/roles.h"
#include "mflux/parity/diagnose/attention/rotated.h"
#include "mflux/parity/transforms/layout.h"

namespace mflux::parity {
namespace {

std::vector<std::string> own_words(const Case& at) {
  const Name& name = at.name();
  const auto last = name.path.rfind('.');
  return words_of(
      name.role == Role::in && !name.argument.empty()
          ? name.argument
          : name.path.substr(last == std::string::npos ? 0 : last + 1));
}

bool is_whole(const Field& field) {
  return std::all_of(field.values.begin(), field.values.end(), [](double value) {
    return value == std::round(value) && std::abs(value) < 1e6;
  });
}

/// Columns of ids as the positions of axes.
RotaryPlan plan_from_ids(const Field& ids) {
  RotaryPlan plan;
  const auto width = static_cast<size_t>(ids.width());
  for (size_t a = 0; a < width; ++a) {
    Axis axis{static_cast<int64_t>(a), {}, {1}};
    for (size_t i = a; i < ids.values.size(); i += width) {
      axis.positions.push_back(ids.values[i]);
    }
    plan.axes.push_back(std::move(axis));
    plan.pairs.push_back(1);
  }
  return plan;
}

Field ids_of(const RotaryPlan& plan, const artifacts::Shape& shape) {
  Field out{shape, {}};
  for (size_t r = 0; r < plan.axes[0].positions.size(); ++r) {
    for (const Axis& axis : plan.axes) {
      out.values.push_back(axis.positions[r]);
    }
  }
  return out;
}

/// The same number more in every row, of each column its own.
std::optional<Prediction> moved(const Case& at, const Half& fit) {
  const bool has_columns = at.ref.rank() >= 2 && at.ref.width() <= 4;
  const auto width = static_cast<size_t>(has_columns ? at.ref.width() : 1);
  std::vector<double> by(width);
  std::vector<bool> known(width);
  for (size_t i = 0; i < at.ref.values.size(); ++i) {
    if (fit.holds(static_cast<int64_t>(i)) && !known[i % width]) {
      by[i % width] = at.port.values[i] - at.ref.values[i];
      known[i % width] = true;
    }
  }
  Field out = at.ref;
  for (size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] += by[i % width];
  }
  return Prediction{
      std::move(out),
      width == 1 ? fmt::format("add {}", -by[0]) : "",
      fmt::format("positions {:+}", fmt::join(by, ", "))};
}

/// First rows, for a cheap look.
Field top_of(const Field& field, int64_t rows) {
  Field out{{std::min(rows, field.count() / field.width()), field.width()}, {}};
  out.values.assign(
      field.values.begin(),
      field.values.begin() + static_cast<std::ptrdiff_t>(out.shape[0] * out.shape[1]));
  return out;
}

} // namespace

void propose_positions(const Case& at, Proposals& proposals) {
  const auto words = own_words(at);
  const bool is_named = has_word(words, {"ids", "position", "positions", "pos"}) &&
                        !has_word(words, {"input", "token", "type", "embed", "embeddings", "emb"});
  if (!is_named || !at.same_shape || !is_whole(at.ref) || !is_whole(at.port)) {
    return;
  }
  proposals.add({"rope.offset", [&at](const Half& fit) { return moved(at, fit); }, true});
  if (at.ref.rank() < 2 || at.ref.width() < 2 || at.ref.width() > 4) {
    return;
  }
  for (const auto& [detail, plan] : axes_plans(plan_from_ids(at.ref))) {
    proposals.add(
        {"rope.axes",
         [detail = detail, field = ids_of(plan, at.ref.shape)](const Half&) {
           return std::optional(Prediction{field, "", detail});
         },
         false});
  }
}

void propose_head_order(const Case& at, Proposals& proposals) {
  const auto words = own_words(at);
  if (!at.same_shape || at.ref.rank() < 2 ||
      !has_word(words, {"q", "k", "query", "key", "wq", "wk"})) {
    return;
  }
  const Field ref = top_of(at.ref, 64), port = top_of(at.port, 64);
  const double before = relative_error(port, ref);
  for (int64_t width = at.ref.width(); width >= 4; --width) {
    const bool is_head = at.ref.rank() == 4 ? width == at.ref.width()
                                            : at.ref.width() % width == 0 && width < at.ref.width();
    if (!is_head || width % 2 != 0) {
      continue;
    }
    for (const Pairing to : {Pairing::half, Pairing::interleaved}) {
      const Rope rope{to, width, -1};
      const Field moved = field_of(with_rope_order(tensor_of(ref), rope));
      if (!(relative_error(port, moved) < 0.5 * before)) {
        continue;
      }
      const Rope undo{to == Pairing::half ? Pairing::interleaved : Pairing::half, width, -1};
      proposals.add(
          {"rope.pairing",
           [&at, rope, undo](const Half&) {
             return std::optional(Prediction{
                 field_of(with_rope_order(tensor_of(at.ref), rope)),
                 to_string(Transform(undo)),
                 fmt::format(
                     "elements of each head of {} laid out for the other pairing",
                     *rope.head_dim)});
           },
           false});
    }
  }
}

} // namespace mflux::parity
