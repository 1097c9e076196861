#include <fmt/format.h>

#include "mflux/parity/diagnose/attention/masks.h"
#include "mflux/parity/diagnose/attention/model.h"
#include "mflux/parity/diagnose/attention/plan_variants.h"

namespace mflux::parity {
namespace {

using TurnPointer = std::shared_ptr<const Turn>;

enum class On { both, q, k };

void add(
    const Setup& base,
    const std::string& id,
    const std::string& detail,
    const TurnPointer& turn,
    On on,
    std::vector<SetupVariant>& out) {
  Setup setup = base;
  setup.turn_q = on == On::k ? base.turn_q : turn;
  setup.turn_k = on == On::q ? base.turn_k : turn;
  const char* where = on == On::both ? "" : on == On::q ? ", on q only" : ", on k only";
  out.push_back({id, detail + where, std::move(setup)});
}

/// Of joint tokens those that the checkpoint holds; none when it holds all.
RowSet part_of(const Turn& turn, const Target& target) {
  RowSet out;
  if (turn.batch != 1 || target.tokens >= turn.rows) {
    return out;
  }
  for (int64_t r = 0; r < turn.rows; ++r) {
    out.push_back(r >= target.first_token && r < target.first_token + target.tokens);
  }
  return out;
}

void add_turns(const Model& model, std::vector<SetupVariant>& out) {
  const Setup& base = model.setup;
  if (!base.turn_q || base.turn_q != base.turn_k) {
    return;
  }
  for (const auto& [id, detail, turn] : variants(*base.turn_q, model.site.ref.q.heads)) {
    const auto other = std::make_shared<const Turn>(turn);
    for (const On on : {On::both, On::q, On::k}) {
      add(base, id, detail, other, on, out);
    }
  }
  const auto plan = plan_of(*base.turn_q);
  if (!plan) {
    return;
  }
  for (const auto& found :
       {axes_variants(*plan, *base.turn_q), frequency_variants(*plan, *base.turn_q)}) {
    for (const auto& [id, detail, turn] : found) {
      add(base, id, detail, std::make_shared<const Turn>(turn), On::both, out);
    }
  }
  const RowSet part = part_of(*base.turn_q, model.site.target);
  for (const auto& [id, detail, turn] : offset_variants(*plan, *base.turn_q, part, false)) {
    add(base, id, detail, std::make_shared<const Turn>(turn), On::both, out);
  }
  for (const auto& [id, detail, turn] : offset_variants(*plan, *base.turn_q, part, true)) {
    const auto other = std::make_shared<const Turn>(turn);
    add(base, id, detail, other, On::q, out);
    add(base, id, detail, other, On::k, out);
  }
}

} // namespace

std::vector<SetupVariant> variants(const Case& at, const Model& model) {
  std::vector<SetupVariant> out;
  add_turns(model, out);
  for (auto& variant : mask_variants(at, model)) {
    out.push_back(std::move(variant));
  }
  const auto& k = model.site.ref.k;
  if (k.heads > 1 && k.heads < model.site.ref.q.heads) {
    Setup setup = model.setup;
    setup.tiles_keys = !setup.tiles_keys;
    out.push_back(
        {"layout.gqa_repeat",
         fmt::format("query head h reads key head h % {}", k.heads),
         std::move(setup)});
  }
  return out;
}

} // namespace mflux::parity
