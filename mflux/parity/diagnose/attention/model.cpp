#include "mflux/parity/diagnose/attention/model.h"

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/attention/masks.h"
#include "mflux/parity/diagnose/attention/sources.h"

namespace mflux::parity {
namespace {

/// Multiplications that one prediction may take.
constexpr double kMostWork = 1.5e9;

constexpr int64_t kSampledHeads = 3, kSampledTokens = 12;

/// The reference is taken to be reproduced at so many times the noise floor.
constexpr double kReproduced = 4;

double reproduced_at(const Case& at) {
  return std::clamp(kReproduced * at.floor(), 2e-5, 3e-2);
}

/// The best setup so far.
class Search {
 public:
  Search(const Case& at, const Field& ref) : ref_(ref), enough_(reproduced_at(at)) {}

  void attempt(const Site& site, const Setup& setup) {
    if (is_done() || !fits(site.ref, setup)) {
      return;
    }
    const double error = sampled_error(site, site.ref, setup, ref_);
    if (error <= enough_ && (!best_ || error < best_->error)) {
      best_ = Model{site, setup, error};
    }
  }

  bool is_done() const {
    return best_ && best_->error < std::min(enough_, 2e-5);
  }

  const Field& wanted() const {
    return ref_;
  }

  std::optional<Model> best() && {
    return std::move(best_);
  }

 private:
  const Field& ref_;
  double enough_;
  std::optional<Model> best_;
};

std::vector<double> scales_of(const Heads& q) {
  const auto width = static_cast<double>(q.width), heads = static_cast<double>(q.heads);
  return {1 / std::sqrt(width), 1, 1 / width, 1 / std::sqrt(width * heads)};
}

using TurnPointer = std::shared_ptr<const Turn>;

/// Masks that were not dumped: the last keys of each batch hidden.
void search_padding(const Site& site, const std::vector<TurnPointer>& tables, Search& out) {
  for (const auto& table : tables) {
    for (const bool is_causal : {true, false}) {
      Setup setup{table, table, scales_of(site.ref.q).front(), is_causal, false, nullptr, nullptr};
      if (out.is_done() || !fits(site.ref, setup)) {
        continue;
      }
      setup.bias = padding_in(site, site.ref, setup, out.wanted());
      out.attempt(site, setup);
    }
  }
}

/// Every combination for one reading.
void search(const Case& at, const AttentionRoles& roles, const Site& site, Search& out) {
  const bool is_turned = roles.main.q_stage == 2 || roles.main.k_stage == 2;
  std::vector<TurnPointer> tables = {nullptr};
  if (!is_turned) {
    const auto found = tables_for(at, roles.path, site.ref.q.width, site.ref.q.tokens);
    tables.insert(tables.begin(), found.begin(), found.end());
  }
  std::vector<std::shared_ptr<const Bias>> masks =
      masks_for(at, roles.path, site.ref.q, site.ref.k);
  masks.push_back(nullptr);
  const auto middle = std::stable_partition(
      masks.begin(), masks.end(), [](const auto& mask) { return !mask || only_hides(*mask); });
  std::vector<std::shared_ptr<const Bias>> relatives(middle, masks.end());
  masks.erase(middle, masks.end());
  relatives.insert(relatives.begin(), nullptr);
  for (const auto& relative : relatives) {
    for (const double scale : scales_of(site.ref.q)) {
      for (const auto& table : tables) {
        for (const auto& mask : masks) {
          for (const bool is_causal : {false, true}) {
            out.attempt(site, {table, table, scale, is_causal, false, mask, relative});
          }
        }
      }
    }
  }
  search_padding(site, tables, out);
}

} // namespace

double sampled_error(
    const Site& site,
    const Projections& parts,
    const Setup& setup,
    const Field& field,
    const Half& fit) {
  const QueryRows sample = sample_of(site, kSampledHeads, kSampledTokens);
  return error_on(site, attended(parts, setup, sample), sample, field, fit);
}

std::optional<Model> find_model(const Case& at, const AttentionRoles& roles, const Field& ref) {
  Search found(at, ref);
  for (const Site& site : sites_of(at, roles)) {
    search(at, roles, site, found);
    if (found.is_done()) {
      break;
    }
  }
  return std::move(found).best();
}

Field predicted(const Case& at, const Site& site, const Setup& setup) {
  const Heads &q = site.port.q, &k = site.port.k;
  const double per_token = static_cast<double>(q.batch * q.heads * k.tokens * 2 * q.width);
  const auto affordable = static_cast<int64_t>(std::max(16.0, kMostWork / per_token));
  QueryRows sample = sample_of(site, q.heads, std::min(site.target.tokens, affordable));
  sample.batches = spread(0, q.batch, q.batch);
  const Heads core = attended(site.port, setup, sample);
  Field field = at.ref;
  if (static_cast<int64_t>(sample.tokens.size()) < site.target.tokens) {
    const double left = error_on(site, core, sample, at.port);
    const double part = std::min(1.0, left / std::max(at.before(), 1e-300));
    for (size_t i = 0; i < field.values.size(); ++i) {
      field.values[i] = at.port.values[i] + part * (at.ref.values[i] - at.port.values[i]);
    }
  }
  fill(site, core, sample, field);
  return field;
}

} // namespace mflux::parity
