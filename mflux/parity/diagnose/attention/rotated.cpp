#include "mflux/parity/diagnose/attention/rotated.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "mflux/parity/diagnose/attention/pick.h"
#include "mflux/parity/diagnose/attention/plan_variants.h"
#include "mflux/parity/diagnose/attention/sources.h"
#include "mflux/parity/diagnose/attention/streams.h"
#include "mflux/parity/diagnose/fitting.h"

namespace mflux::parity {
namespace {

constexpr double kLeastTheta = 0.4, kMostTheta = 18.5; ///< logarithms

/// What another base must leave at most of what the right one does not explain.
constexpr double kLeastGain = 0.5;

/// Without what was there before, a variant must explain nearly everything by the sample.
constexpr double kGuessed = 0.05;
constexpr double kUsualBases[] = {1e4, 1e6, 5e5, 1e5, 5e6, 1e7, 1e3, 2e3, 256, 100};
constexpr int64_t kMostGuessed = 1 << 20;

/// Of larger tensors only the first tokens and heads are looked at to choose.
constexpr int64_t kSampledTokens = 48, kSampledHeads = 4;

double distance(const Heads& a, const Heads& b) {
  const double error = relative_error(
      {{static_cast<int64_t>(a.values.size())}, a.values},
      {{static_cast<int64_t>(b.values.size())}, b.values});
  return std::isfinite(error) ? error : 1e300;
}

/// What is turned, as far as it is known.
struct Rotated {
  Heads before_ref, before_port; ///< of turning
  Heads ref, port;
  HeadLayout layout = HeadLayout::tokens_first;
  Turn turn;
};

char letter_of(const Case& at) {
  const auto words =
      words_of(at.name().role == Role::in ? at.name().argument + "." + at.module() : at.module());
  const auto last = std::vector<std::string>(
      words.end() - static_cast<std::ptrdiff_t>(std::min<size_t>(words.size(), 3)), words.end());
  if (!has_word(last, {"rope", "rot", "rotary", "rotated", "embed", "emb"})) {
    return 0;
  }
  if (has_word(last, {"q", "query", "queries"})) {
    return 'q';
  }
  return has_word(last, {"k", "key", "keys"}) ? 'k' : '\0';
}

/// The turn between two tensors under a pairing, by least squares over the heads.
Turn turn_between(const Heads& before, const Heads& after, Pairing pairing) {
  Turn out{pairing, before.batch, before.tokens, before.width, {}, {}, false, {}};
  const auto partner = partners(out);
  out.cos.resize(static_cast<size_t>(before.batch * before.tokens * before.width));
  out.sin = out.cos;
  for (int64_t b = 0; b < before.batch; ++b) {
    for (int64_t t = 0; t < before.tokens; ++t) {
      for (int64_t i = 0; i < before.width; ++i) {
        const int64_t first = std::min(i, partner[static_cast<size_t>(i)]);
        const int64_t second = partner[static_cast<size_t>(first)];
        double c = 0, s = 0, norm = 0;
        for (int64_t h = 0; h < before.heads; ++h) {
          const double *x = before.at(b, t, h), *y = after.at(b, t, h);
          c += x[first] * y[first] + x[second] * y[second];
          s += x[first] * y[second] - x[second] * y[first];
          norm += x[first] * x[first] + x[second] * x[second];
        }
        const size_t at = out.index(b, t) + static_cast<size_t>(i);
        out.cos[at] = norm > 0 ? c / norm : 1;
        out.sin[at] = norm > 0 ? s / norm : 0;
      }
    }
  }
  return out;
}

/// Batches whose rows are alike need one row.
Turn simplified(Turn turn, double tolerance) {
  const auto one = static_cast<size_t>(turn.rows * turn.width);
  for (size_t i = one; i < turn.cos.size(); ++i) {
    if (std::abs(turn.cos[i] - turn.cos[i % one]) > tolerance ||
        std::abs(turn.sin[i] - turn.sin[i % one]) > tolerance) {
      return turn;
    }
  }
  turn.batch = 1;
  turn.cos.resize(one);
  turn.sin.resize(one);
  return turn;
}

double reproduced_at(const Case& at) {
  return std::clamp(4 * at.floor(), 2e-5, 3e-2);
}

/// The table by which `before` becomes `after`: a dumped one, else the one that follows.
std::optional<Turn> table_between(
    const Case& at, const std::string& attention, const Heads& before, const Heads& after) {
  for (const auto& table : tables_for(at, attention, before.width, before.tokens)) {
    if (fits(*table, before) && distance(after, turned(before, *table)) < reproduced_at(at)) {
      return *table;
    }
  }
  for (const Pairing pairing : {Pairing::half, Pairing::interleaved}) {
    if (before.width % 2 != 0) {
      continue;
    }
    Turn turn = simplified(turn_between(before, after, pairing), 10 * reproduced_at(at));
    if (distance(after, turned(before, turn)) < reproduced_at(at)) {
      return turn;
    }
  }
  return std::nullopt;
}

std::optional<Heads> like(const Field& field, const Heads& heads, HeadLayout layout) {
  auto out = heads_of(field, heads.width, layout);
  const bool is_alike =
      out && out->batch == heads.batch && out->tokens == heads.tokens && out->heads == heads.heads;
  return is_alike ? out : std::nullopt;
}

/// With what was dumped before turning.
std::optional<Rotated> from_projections(const Case& at, char letter) {
  const auto roles = roles_around(at, 1);
  if (!roles) {
    return std::nullopt;
  }
  const Streams streams(at, *roles);
  for (const Reading& reading : streams.readings()) {
    const auto ref = streams.read(reading, Side::ref), port = streams.read(reading, Side::port);
    if (!ref || !port) {
      continue;
    }
    const Heads& before = letter == 'q' ? ref->parts.q : ref->parts.k;
    for (const HeadLayout layout : {HeadLayout::tokens_first, HeadLayout::heads_first}) {
      const auto after = like(at.ref, before, layout), got = like(at.port, before, layout);
      if (!after || !got) {
        continue;
      }
      if (auto table = table_between(at, roles->path, before, *after)) {
        return Rotated{
            before,
            letter == 'q' ? port->parts.q : port->parts.k,
            *after,
            *got,
            layout,
            std::move(*table)};
      }
    }
  }
  return std::nullopt;
}

Turn undone(Turn turn) {
  for (double& value : turn.sin) {
    value = -value;
  }
  return turn;
}

/// Consecutive positions from 0.
Turn plain_table(Pairing pairing, int64_t rows, int64_t width, double theta) {
  Turn out{pairing, 1, rows, width, {}, {}, false, {}};
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      const int64_t pair = pairing == Pairing::half ? i % (width / 2) : i / 2;
      const double angle =
          static_cast<double>(r) *
          std::pow(theta, -2 * static_cast<double>(pair) / static_cast<double>(width));
      out.cos.push_back(std::cos(angle));
      out.sin.push_back(std::sin(angle));
    }
  }
  return out;
}

Heads first_of(const Heads& heads) {
  const int64_t tokens = std::min(heads.tokens, kSampledTokens);
  const int64_t count = std::min(heads.heads, kSampledHeads);
  Heads out = heads_of(heads.batch, tokens, count, heads.width);
  for (int64_t b = 0; b < heads.batch; ++b) {
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t h = 0; h < count; ++h) {
        std::copy_n(heads.at(b, t, h), heads.width, out.at(b, t, h));
      }
    }
  }
  return out;
}

Turn first_of(const Turn& turn, int64_t tokens) {
  if (turn.by_head || turn.rows <= tokens) {
    return turn;
  }
  Turn out = turn;
  out.rows = tokens;
  out.cos.clear();
  out.sin.clear();
  for (int64_t b = 0; b < turn.batch; ++b) {
    const auto begin = static_cast<std::ptrdiff_t>(turn.index(b, 0));
    const auto count = static_cast<std::ptrdiff_t>(tokens * turn.width);
    out.cos.insert(out.cos.end(), turn.cos.begin() + begin, turn.cos.begin() + begin + count);
    out.sin.insert(out.sin.end(), turn.sin.begin() + begin, turn.sin.begin() + begin + count);
  }
  return out;
}

/// Adds the variants that explain a good part, by the first tokens and heads, of what the right
/// table leaves unexplained on the port's own input: an inherited error is none of theirs.
void add_variants(
    const Case& at,
    std::shared_ptr<const Rotated> rotated,
    double most_left,
    Proposals& proposals) {
  const Heads before = first_of(rotated->before_port), port = first_of(rotated->port);
  const double so_far = distance(port, turned(before, first_of(rotated->turn, before.tokens)));
  Promising found;
  for (auto& variant : all_variants(rotated->turn, rotated->ref.heads)) {
    const Turn turn = first_of(variant.turn, before.tokens);
    if (!fits(variant.turn, rotated->before_port) || !fits(turn, before)) {
      continue;
    }
    const double left = distance(port, turned(before, turn));
    if (left < most_left * so_far) {
      found.emplace_back(left, std::move(variant));
    }
  }
  keep_best(found);
  for (const auto& [left, variant] : found) {
    const auto shared = std::make_shared<const TurnVariant>(variant);
    const auto predict = [&at, rotated, shared](const Half&) {
      const Heads heads = turned(rotated->before_port, shared->turn);
      return std::optional(
          Prediction{field_of(heads, at.ref.shape, rotated->layout), "", shared->detail});
    };
    proposals.add({variant.id, predict, false});
  }
}

/// What was there before turning is found by turning back: with a dumped table, else with one of
/// consecutive positions and a usual base.
std::vector<Rotated> from_itself(const Case& at) {
  std::vector<Rotated> out;
  if (at.ref.rank() != 4 || at.ref.width() % 2 != 0 || at.ref.width() < 4) {
    return out;
  }
  const std::string around = at.module().substr(0, at.module().rfind('.'));
  for (const HeadLayout layout : {HeadLayout::tokens_first, HeadLayout::heads_first}) {
    const auto ref = heads_of(at.ref, at.ref.width(), layout);
    const auto port = heads_of(at.port, at.ref.width(), layout);
    if (!ref || !port) {
      continue;
    }
    std::vector<Turn> tables;
    for (const auto& table : tables_for(at, around, ref->width, ref->tokens)) {
      tables.push_back(*table);
    }
    for (const Pairing pairing : {Pairing::half, Pairing::interleaved}) {
      for (size_t i = 0; at.ref.count() < kMostGuessed && i < std::size(kUsualBases); ++i) {
        tables.push_back(plain_table(pairing, ref->tokens, ref->width, kUsualBases[i]));
      }
    }
    for (Turn& table : tables) {
      if (fits(table, *ref)) {
        const Heads before = turned(*ref, undone(table));
        out.push_back({before, before, *ref, *port, layout, std::move(table)});
      }
    }
  }
  return out;
}

void add_theta(const Case& at, std::shared_ptr<const Rotated> rotated, Proposals& proposals) {
  const auto plan = plan_of(rotated->turn);
  if (!plan || plan->theta <= 0 || at.port.count() > (1 << 22)) {
    return;
  }
  const auto field_at = [&at, rotated, plan = *plan](double exponent) {
    const Turn turn = made(with_theta(plan, std::exp(exponent)), rotated->turn);
    return field_of(turned(rotated->before_port, turn), at.ref.shape, rotated->layout);
  };
  const auto fitted = [&at, field_at](const Half& fit) {
    return least_of(
        [&](double x) { return error_over(at, field_at(x), fit); }, kLeastTheta, kMostTheta);
  };
  const auto predict = [field_at, fitted, theta = plan->theta](const Half& fit) {
    const double best = fitted(fit);
    return std::optional(Prediction{
        field_at(best),
        "",
        fmt::format("frequencies of base {:.5g}, the reference's {:.5g}", std::exp(best), theta)});
  };
  const auto own =
      field_of(turned(rotated->before_port, rotated->turn), at.ref.shape, rotated->layout);
  const auto all = Half::all();
  if (error_over(at, field_at(fitted(all)), all) > kLeastGain * error_over(at, own, all)) {
    return;
  }
  proposals.add({"rope.theta", predict, true});
}

} // namespace

std::vector<TurnVariant> all_variants(const Turn& turn, int64_t heads) {
  auto out = variants(turn, heads);
  const auto plan = plan_of(turn);
  if (!plan) {
    return out;
  }
  for (auto& more :
       {axes_variants(*plan, turn),
        frequency_variants(*plan, turn),
        offset_variants(*plan, turn, {}, true),
        offset_variants(*plan, turn, {}, false)}) {
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

void propose_rotated(const Case& at, Proposals& proposals) {
  const char letter = letter_of(at);
  if (letter == 0 || !at.same_shape || at.ref.rank() < 3) {
    return;
  }
  auto rotated = from_projections(at, letter);
  if (!rotated) {
    for (Rotated& guess : from_itself(at)) {
      add_variants(at, std::make_shared<const Rotated>(std::move(guess)), kGuessed, proposals);
    }
    propose_relative(at, proposals);
    proposals.need("rope.theta", at.module() + " before the rotary embedding");
    return;
  }
  const auto shared = std::make_shared<const Rotated>(std::move(*rotated));
  add_variants(at, shared, kPromising, proposals);
  add_theta(at, shared, proposals);
}

} // namespace mflux::parity
