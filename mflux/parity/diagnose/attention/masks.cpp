#include "mflux/parity/diagnose/attention/masks.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/parity/diagnose/attention/sources.h"

namespace mflux::parity {
namespace {

using BiasPointer = std::shared_ptr<const Bias>;

/// More keys than these are not tried one by one.
constexpr int64_t kMostKeys = 640;

bool hides(double value) {
  return value <= kHidden / 2;
}

/// A mask taken apart.
struct MaskParts {
  bool is_causal = false;
  BiasPointer keys; ///< the same for every query; null: all are seen
};

bool is_causal(const Bias& bias) {
  if (bias.queries < 2 || bias.queries != bias.keys) {
    return false;
  }
  for (int64_t b = 0; b < bias.batch; ++b) {
    for (int64_t t = 0; t + 1 < bias.queries; ++t) {
      for (int64_t j = t + 1; j < bias.keys; ++j) {
        if (!hides(bias.at(b, 0, t, j))) {
          return false;
        }
      }
    }
  }
  return true;
}

/// Keys that some query sees.
BiasPointer seen_keys(const Bias& bias) {
  Bias out{bias.batch, 1, 1, bias.keys, {}};
  out.values.assign(static_cast<size_t>(bias.batch * bias.keys), kHidden);
  bool hides_some = false;
  for (int64_t b = 0; b < bias.batch; ++b) {
    for (int64_t j = 0; j < bias.keys; ++j) {
      double& value = out.values[static_cast<size_t>(b * bias.keys + j)];
      for (int64_t t = 0; t < bias.queries; ++t) {
        value = std::max(value, bias.at(b, 0, t, j));
      }
      hides_some |= hides(value);
    }
  }
  return hides_some ? std::make_shared<const Bias>(std::move(out)) : nullptr;
}

MaskParts parts_of(const Setup& setup) {
  MaskParts out{setup.is_causal, setup.bias};
  if (setup.bias && setup.bias->queries > 1) {
    out.is_causal |= is_causal(*setup.bias);
    out.keys = seen_keys(*setup.bias);
  }
  return out;
}

template <typename Change>
BiasPointer changed(const Bias& keys, Change change) {
  Bias out = keys;
  for (int64_t r = 0; r < keys.batch * keys.heads; ++r) {
    for (int64_t j = 0; j < keys.keys; ++j) {
      const int64_t from = change(j);
      const auto to = static_cast<size_t>(r * keys.keys + j);
      out.values[to] = from < 0 ? (hides(keys.values[to]) ? 0 : kHidden)
                                : keys.values[static_cast<size_t>(r * keys.keys + from)];
    }
  }
  return std::make_shared<const Bias>(std::move(out));
}

Setup with_mask(const Setup& base, bool is_causal, BiasPointer keys) {
  Setup out = base;
  out.is_causal = is_causal;
  out.bias = std::move(keys);
  return out;
}

void add_changed_padding(
    const Setup& base, const MaskParts& parts, std::vector<SetupVariant>& out) {
  const Bias& keys = *parts.keys;
  const int64_t last = keys.keys - 1;
  const auto add = [&](const char* detail, BiasPointer mask) {
    out.push_back({"mask.padding", detail, with_mask(base, parts.is_causal, std::move(mask))});
  };
  add("the mask of the padding is missing", nullptr);
  add("the mask of the padding hides the tokens and shows the padding",
      changed(keys, [](int64_t) { return int64_t{-1}; }));
  add("the mask of the padding stands on the other side",
      changed(keys, [&](int64_t j) { return last - j; }));
  add("the mask of the padding begins one token early",
      changed(keys, [&](int64_t j) { return std::min(j + 1, last); }));
  add("the mask of the padding begins one token late",
      changed(keys, [](int64_t j) { return std::max<int64_t>(j - 1, 0); }));
}

Bias prefix(int64_t keys, const std::vector<int64_t>& lengths) {
  Bias out{static_cast<int64_t>(lengths.size()), 1, 1, keys, {}};
  for (const int64_t length : lengths) {
    for (int64_t j = 0; j < keys; ++j) {
      out.values.push_back(j < length ? 0 : kHidden);
    }
  }
  return out;
}

} // namespace

BiasPointer padding_in(
    const Site& site, const Projections& parts, const Setup& setup, const Field& field) {
  const int64_t keys = parts.k.tokens;
  if (keys > kMostKeys || keys < 2) {
    return nullptr;
  }
  std::vector<int64_t> lengths;
  bool hides_some = false;
  for (int64_t b = 0; b < parts.q.batch; ++b) {
    QueryRows sample = sample_of(site, 1, 6);
    sample.batches = {b};
    double least = 1e300;
    lengths.push_back(keys);
    for (int64_t length = keys; length > 0; --length) {
      Setup tried = setup;
      tried.bias = std::make_shared<const Bias>(prefix(keys, {length}));
      const double error = error_on(site, attended(parts, tried, sample), sample, field);
      if (error < 0.5 * least) {
        least = error;
        lengths.back() = length;
      }
    }
    hides_some |= lengths.back() < keys;
  }
  return hides_some ? std::make_shared<const Bias>(prefix(keys, lengths)) : nullptr;
}

std::vector<SetupVariant> mask_variants(const Case& at, const Model& model) {
  std::vector<SetupVariant> out;
  const Setup& base = model.setup;
  const MaskParts parts = parts_of(base);
  out.push_back(
      {"mask.causal",
       parts.is_causal ? "the causal mask is missing" : "a causal mask is too many",
       with_mask(base, !parts.is_causal, parts.keys)});
  if (parts.keys) {
    add_changed_padding(base, parts, out);
    return out;
  }
  for (const auto& mask : masks_for(at, model.site.path, model.site.ref.q, model.site.ref.k)) {
    if (!only_hides(*mask)) {
      continue;
    }
    out.push_back(
        {"mask.padding",
         "padding is hidden where the reference attends to it",
         with_mask(base, parts.is_causal, mask)});
  }
  Setup plain = with_mask(base, parts.is_causal, nullptr);
  if (auto found = padding_in(model.site, model.site.port, plain, at.port)) {
    plain.bias = std::move(found);
    out.push_back({"mask.padding", "the last keys are hidden, which the reference sees", plain});
  }
  return out;
}

} // namespace mflux::parity
