#include "mflux/parity/diagnose/attention/site.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mflux/parity/diagnose/attention/streams.h"

namespace mflux::parity {
namespace {

constexpr std::array<const char*, 8> kProjections = {
    "to_out.0", "o_proj", "out_proj", "to_out", "proj_out", "o", "out", "proj"};

/// The weight that the output went through, by the module it is of or by the attention's.
struct Projection {
  std::shared_ptr<const Field> weight, bias;
};

Projection projection_named(const Case& at, const std::string& module) {
  return {
      at.scene.weight(Side::ref, module + ".weight"), at.scene.weight(Side::ref, module + ".bias")};
}

std::optional<Projection> projection_of(const Case& at, const std::string& attention) {
  std::vector<std::string> modules = {at.module()};
  if (at.module() == attention) {
    modules.clear();
    for (const char* name : kProjections) {
      modules.push_back(attention + "." + name);
    }
    if (!at.name().output.empty()) {
      modules.insert(modules.begin(), attention + ".to_add_out");
    }
  }
  for (const auto& module : modules) {
    auto found = projection_named(at, module);
    if (found.weight && found.weight->rank() == 2) {
      return found;
    }
  }
  return std::nullopt;
}

/// The target of an attention whose joint queries are `q` and whose values are `width` wide.
std::optional<Target> target_of(
    const Case& at, const Projections& parts, const std::optional<Projection>& projection) {
  const int64_t inner = parts.q.heads * parts.v.width, rank = at.ref.rank();
  Target target;
  if (rank == 4 && !projection) {
    const auto& s = at.ref.shape;
    if (s[3] != parts.v.width || s[1] * s[2] != parts.q.tokens * parts.q.heads) {
      return std::nullopt;
    }
    target.layout = s[2] == parts.q.heads && s[1] == parts.q.tokens ? HeadLayout::tokens_first
                                                                    : HeadLayout::heads_first;
    target.tokens = parts.q.tokens;
    return target;
  }
  if (rank != 2 && rank != 3) {
    return std::nullopt;
  }
  target.tokens = at.ref.shape[static_cast<size_t>(rank - 2)];
  if (projection) {
    target.weight = projection->weight;
    target.bias = projection->bias;
    const int64_t more = target.weight->shape[1] - inner;
    return more == 0 && target.weight->shape[0] == at.ref.width() ? std::optional(target)
                                                                  : std::nullopt;
  }
  const int64_t more = at.ref.width() - inner;
  if (more > 0 && at.name().role == Role::in) {
    target.rest = std::make_shared<const Field>(cut_channels(at.ref, inner, more));
  }
  return more == 0 || target.rest ? std::optional(target) : std::nullopt;
}

/// Calls `see(index, value)` for each of the target's elements that the sample's rows give.
template <typename See>
void visit(const Site& site, const Heads& core, const QueryRows& sample, See see) {
  const Target& target = site.target;
  const int64_t inner = core.heads * core.width;
  const int64_t channels =
      target.weight ? target.weight->shape[0] : inner + (target.rest ? target.rest->width() : 0);
  for (const int64_t b : sample.batches) {
    for (const int64_t t : sample.tokens) {
      const int64_t row = b * target.tokens + t - target.first_token;
      for (int64_t o = 0; target.weight && o < channels; ++o) {
        const double* w = target.weight->values.data() + o * inner;
        double sum = target.bias ? target.bias->values[static_cast<size_t>(o)] : 0;
        for (int64_t i = 0; i < inner; ++i) {
          sum += w[i] * core.at(b, t, 0)[i];
        }
        see(row * channels + o, sum);
      }
      for (const int64_t h : sample.heads) {
        const int64_t begin =
            target.layout == HeadLayout::tokens_first
                ? row * channels + h * core.width
                : ((b * core.heads + h) * target.tokens + t - target.first_token) * core.width;
        for (int64_t i = 0; !target.weight && i < core.width; ++i) {
          see(begin + i, core.at(b, t, h)[i]);
        }
      }
    }
  }
}

/// Where the target's tokens may stand among the joint ones.
std::vector<int64_t> places(const Target& target, const Joining& joining, int64_t tokens) {
  if (target.tokens == tokens) {
    return {0};
  }
  std::vector<int64_t> out;
  if (target.tokens == joining.first) {
    out.push_back(0);
  }
  if (target.tokens == tokens - joining.first && joining.first > 0) {
    out.push_back(joining.first);
  }
  return out;
}

} // namespace

std::vector<Site> sites_of(const Case& at, const AttentionRoles& roles) {
  std::vector<Site> out;
  if (!at.same_shape) {
    return out;
  }
  std::optional<Projection> projection;
  if (at.name().role == Role::out) {
    projection = projection_of(at, roles.path);
  }
  const Streams streams(at, roles);
  for (const Reading& reading : streams.readings()) {
    const auto ref = streams.read(reading, Side::ref);
    const auto port = ref ? streams.read(reading, Side::port) : std::nullopt;
    if (!port) {
      continue;
    }
    const auto target = target_of(at, ref->parts, projection);
    if (!target || !fits(ref->parts, {}) ||
        at.ref.count() / at.ref.width() / target->tokens !=
            ref->parts.q.batch * (at.ref.rank() == 4
                                      ? ref->parts.q.heads * ref->parts.q.tokens / target->tokens
                                      : 1)) {
      continue;
    }
    for (const int64_t first : places(*target, ref->joining, ref->parts.q.tokens)) {
      Site site{roles.path, ref->parts, port->parts, *target};
      site.target.first_token = first;
      out.push_back(std::move(site));
    }
  }
  return out;
}

QueryRows sample_of(const Site& site, int64_t heads, int64_t tokens) {
  const Heads& q = site.ref.q;
  return {
      spread(0, q.batch, std::max<int64_t>(1, tokens / 4)),
      spread(0, q.heads, site.target.weight ? q.heads : heads),
      spread(site.target.first_token, site.target.tokens, tokens)};
}

void fill(const Site& site, const Heads& core, const QueryRows& sample, Field& field) {
  visit(site, core, sample, [&](int64_t i, double value) {
    field.values[static_cast<size_t>(i)] = value;
  });
}

double error_on(
    const Site& site,
    const Heads& core,
    const QueryRows& sample,
    const Field& field,
    const Half& fit) {
  double left = 0, norm = 0;
  visit(site, core, sample, [&](int64_t i, double value) {
    if (fit.holds(i)) {
      const double d = field.values[static_cast<size_t>(i)] - value;
      left += d * d;
      norm += value * value;
    }
  });
  const double error = norm > 0 ? std::sqrt(left / norm) : left;
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

} // namespace mflux::parity
