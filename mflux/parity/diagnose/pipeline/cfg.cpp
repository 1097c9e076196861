#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mflux/parity/diagnose/pipeline/combination.h"
#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/scheduler_steps.h"

namespace mflux::parity {
namespace {

constexpr double kSame = 5e-3;

using Pair = std::shared_ptr<const FieldPair>;

/// One part of a batch of two.
Pair half_of(const FieldPair& whole, bool second) {
  auto out = std::make_shared<FieldPair>();
  const auto cut = [&](const Field& field) {
    const auto half = static_cast<std::ptrdiff_t>(field.values.size() / 2);
    const auto begin = field.values.begin() + (second ? half : 0);
    return Field{{half}, {begin, begin + half}};
  };
  out->ref = cut(whole.ref);
  out->port = cut(whole.port);
  return out;
}

struct Predictions {
  Pair cond, uncond;
  bool is_named = true; ///< false: the halves of a batch, of which either may be which
};

bool is_usable(const Pair& pair, int64_t count) {
  return pair && pair->finite && pair->ref.count() == count && pair->port.count() == count;
}

/// The two predictions of the same step, dumped apart or as one batch.
std::vector<Predictions> predictions_at(const Case& at, const LoopRows& loop, int64_t count) {
  std::vector<Predictions> out;
  for (const size_t c : predictions_for(loop, at.row, LoopRole::cond)) {
    for (const size_t u : predictions_for(loop, at.row, LoopRole::uncond)) {
      const Predictions both{at.scene.pair(c), at.scene.pair(u), true};
      if (loop.of(c).step == loop.of(u).step && is_usable(both.cond, count) &&
          is_usable(both.uncond, count)) {
        out.push_back(both);
      }
    }
  }
  for (const size_t r : predictions_for(loop, at.row, LoopRole::prediction)) {
    const Pair batch = at.scene.pair(r);
    if (batch && batch->finite && batch->ref.count() == 2 * count &&
        batch->port.count() == 2 * count) {
      out.push_back({half_of(*batch, true), half_of(*batch, false), false});
    }
  }
  return out;
}

Terms port_terms(const Predictions& both) {
  return {&both.uncond->port, &both.cond->port};
}

bool is_same(double a, double b, double slack = 0) {
  return std::abs(a - b) <= kSame * std::max({std::abs(a), std::abs(b), 0.1}) + slack;
}

struct Guidance {
  double strength = 0, error = 0;
};

bool is_same(const Guidance& a, const Guidance& b) {
  return is_same(a.strength, b.strength, a.error + b.error);
}

/// Of a sum (1 − g) uncond + g cond: g. Nothing when it is another sum.
std::optional<Guidance> guidance_of(const Terms& terms, const Field& target, double exact) {
  const auto sum = combine(terms, target, Half::all());
  if (!sum || sum->left > exact ||
      !is_same(sum->factors[0] + sum->factors[1], 1, sum->errors[0] + sum->errors[1])) {
    return std::nullopt;
  }
  return Guidance{sum->factors[1], sum->errors[1]};
}

Hypothesis guided(const char* id, std::string detail, const Predictions& both, const Case& at) {
  return {
      id,
      [both, detail = std::move(detail), &at](const Half& fit) -> std::optional<Prediction> {
        const auto sum = combine(port_terms(both), at.port, fit);
        if (!sum) {
          return std::nullopt;
        }
        Field field = sum_of(port_terms(both), sum->factors);
        return Prediction{reshaped(std::move(field), at.port.shape), "", detail};
      },
      true};
}

double deviation(const Field& field) {
  double sum = 0, squares = 0;
  for (const double value : field.values) {
    sum += value;
    squares += value * value;
  }
  const auto n = static_cast<double>(field.count());
  return std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
}

/// diffusers' guidance_rescale, on one side only: a factor for each image of the batch.
void propose_rescale(const Case& at, const Predictions& both, Proposals& proposals) {
  if (at.ref.shape.empty() || at.ref.shape[0] != 1) {
    return;
  }
  const double factor = deviation(both.cond->ref) / deviation(at.ref);
  for (const double share : {0.5, 0.7, 0.75, 1.0}) {
    proposals.add({"cfg.scale", [factor, share, &at](const Half&) {
                     Field field = at.ref;
                     for (double& value : field.values) {
                       value *= share * factor + 1 - share;
                     }
                     return Prediction{
                         std::move(field),
                         "",
                         fmt::format("guidance_rescale {} that the reference has not", share)};
                   }});
  }
}

void propose_for_prediction(const Case& at, const LoopRows& loop, Proposals& proposals) {
  const double exact = exactness_at(at.at());
  for (const auto& both : predictions_at(at, loop, at.ref.count())) {
    const auto ref = guidance_of({&both.uncond->ref, &both.cond->ref}, at.ref, exact);
    if (!ref) {
      continue;
    }
    const auto port = guidance_of(port_terms(both), at.port, exact);
    if (!port) {
      propose_rescale(at, both, proposals);
    } else if (is_same(*port, Guidance{1 - ref->strength, ref->error})) {
      proposals.add(guided(
          "cfg.swapped", fmt::format("cond + {:.6g} (uncond - cond)", ref->strength), both, at));
    } else if (!is_same(*port, *ref)) {
      proposals.add(guided(
          "cfg.scale",
          fmt::format("guidance {:.6g}, the reference has {:.6g}", port->strength, ref->strength),
          both,
          at));
    }
  }
}

/// The guided prediction was not dumped: both parts go straight into the latents.
void propose_for_latents(const Case& at, const LoopRows& loop, Proposals& proposals) {
  const double exact = exactness_at(at.at());
  for (const size_t r : rows_before(loop, at.row)) {
    const Pair before = at.scene.pair(r);
    if (!is_usable(before, at.ref.count())) {
      continue;
    }
    for (const auto& both : predictions_at(at, loop, at.ref.count())) {
      const Terms ref_terms = {&before->ref, &both.uncond->ref, &both.cond->ref};
      const Terms terms = {&before->port, &both.uncond->port, &both.cond->port};
      const auto ref = combine(ref_terms, at.ref, Half::all());
      const auto port = combine(terms, at.port, Half::all());
      if (!ref || !port || ref->left > exact || port->left > exact) {
        continue;
      }
      const double size = ref->factors[1] + ref->factors[2];
      const bool same_step =
          is_same(port->factors[0], ref->factors[0]) &&
          std::abs(port->factors[1] + port->factors[2] - size) <= 5 * kSame * std::abs(size);
      const double g_ref = ref->factors[2] / size, g_port = port->factors[2] / size;
      if (!same_step || is_same(g_ref, g_port)) {
        continue;
      }
      const bool is_swapped = is_same(g_port, 1 - g_ref);
      proposals.add(
          {is_swapped ? "cfg.swapped" : "cfg.scale",
           [before, both, terms, g_ref, g_port, &at](const Half& fit) -> std::optional<Prediction> {
             const auto sum = combine(terms, at.port, fit);
             if (!sum) {
               return std::nullopt;
             }
             return Prediction{
                 reshaped(sum_of(terms, sum->factors), at.port.shape),
                 "",
                 fmt::format("guidance {:.6g}, the reference has {:.6g}", g_port, g_ref)};
           },
           true});
    }
  }
}

/// A conditional tensor under the unconditional one's name.
void propose_exchanged(const Case& at, const LoopRows& loop, Proposals& proposals) {
  const LoopName own = loop.of(at.row);
  std::vector<size_t> others;
  if (own.role == LoopRole::cond || own.role == LoopRole::uncond) {
    others = loop.all(own.role == LoopRole::cond ? LoopRole::uncond : LoopRole::cond, own.step);
  }
  const std::string& text = at.at().ref->text;
  const std::string negative = "negative_";
  const auto at_negative = text.find(negative);
  for (size_t r = 0; r < at.scene.rows().size(); ++r) {
    const std::string& other = at.scene.rows()[r].ref->text;
    const bool is_other =
        at_negative == std::string::npos
            ? other.find(negative) != std::string::npos &&
                  std::string(other).erase(other.find(negative), negative.size()) == text
            : std::string(text).erase(at_negative, negative.size()) == other;
    if (is_other) {
      others.push_back(r);
    }
  }
  for (const size_t r : others) {
    const Pair other = at.scene.pair(r);
    const bool is_exchanged = other && other->ref.count() == at.port.count() &&
                              other->port.count() == at.ref.count() &&
                              relative_error(other->port, at.ref) < 10 * at.floor() + 1e-5;
    if (is_exchanged) {
      proposals.add({"cfg.swapped", [other, &at, r](const Half&) {
                       return Prediction{
                           reshaped(other->ref, at.port.shape),
                           "",
                           fmt::format("exchanged with {}", at.scene.rows()[r].ref->text)};
                     }});
    }
  }
}

/// A batch of two whose halves changed places.
void propose_batch(const Case& at, const LoopRows& loop, Proposals& proposals) {
  const bool is_batch = at.same_shape && at.ref.rank() >= 2 && at.ref.shape[0] % 2 == 0;
  const bool is_loop = loop.of(at.row).role == LoopRole::prediction ||
                       at.at().ref->text.find("prompt_embeds") != std::string::npos ||
                       at.name().argument.find("encoder_hidden_states") != std::string::npos;
  if (!is_batch || !(at.ref.rank() >= 3 && (at.ref.shape[0] == 2 || is_loop))) {
    return;
  }
  proposals.add({"cfg.swapped", [&at](const Half&) {
                   Field field = at.ref;
                   const auto half = static_cast<std::ptrdiff_t>(field.values.size() / 2);
                   std::rotate(
                       field.values.begin(), field.values.begin() + half, field.values.end());
                   return Prediction{
                       std::move(field), "swap_halves 0", "the halves of the batch are exchanged"};
                 }});
}

/// The strength as a number handed to the model.
void propose_number(const Case& at, Proposals& proposals) {
  if (at.ref.count() > 8 || at.ref.count() != at.port.count() || at.ref.values[0] == 0) {
    return;
  }
  const double factor = at.port.values[0] / at.ref.values[0];
  proposals.add(
      {"cfg.scale", [factor, &at](const Half&) {
         Field field = at.ref;
         for (double& value : field.values) {
           value *= factor;
         }
         return Prediction{
             std::move(field),
             "",
             fmt::format(
                 "guidance {:.6g}, the reference has {:.6g}", at.port.values[0], at.ref.values[0])};
       }});
}

} // namespace

void propose_cfg(const Case& at, Proposals& proposals) {
  const LoopRows loop(at.scene);
  const LoopRole role = loop.of(at.row).role;
  if (role == LoopRole::guidance) {
    propose_number(at, proposals);
    return;
  }
  propose_exchanged(at, loop, proposals);
  propose_batch(at, loop, proposals);
  if (!at.is_first || at.ref.count() != at.port.count()) {
    return;
  }
  if (role == LoopRole::prediction) {
    propose_for_prediction(at, loop, proposals);
  } else if (role == LoopRole::latents) {
    propose_for_latents(at, loop, proposals);
  }
}

} // namespace mflux::parity
