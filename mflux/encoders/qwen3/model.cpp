#include "mflux/encoders/qwen3/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/base/log.h"
#include "mflux/encoders/qwen3/fused.h"
#include "mflux/nn/host_values.h"
#include "mflux/weights/device.h"

namespace mflux::qwen3 {
namespace {

using nn::Axes;

/// Adds what padding changes: nothing where there is none, as in the reference, which then says
/// only "causal".
Context masked(Context context, const std::optional<mx::array>& attention_mask) {
  if (!attention_mask) {
    return context;
  }
  const auto tokens = nn::host_values(*attention_mask);
  if (std::ranges::find(tokens, 0) != tokens.end()) {
    const auto valid = mx::astype(*attention_mask, mx::bool_);
    context.mask = mx::logical_and(context.causal, mx::expand_dims(valid, {1, 2}));
    for (int row = 0; row < valid.shape(0); ++row) { // every query sees the first token
      context.leaves_blind |= tokens[size_t{1} * row * valid.shape(1)] == 0;
    }
  }
  return context;
}

/// The mask grows with the square of the tokens, which a file may claim in any number.
void check_memory(const Qwen3Config& c, double batch, double tokens) {
  const double channels = 6.0 * c.hidden_size + 3.0 * c.intermediate_size;
  const double bytes = batch * tokens * (tokens + sizeof(float) * channels);
  if (const auto there = device_memory(); bytes > there.bytes) {
    throw Error(fmt::format(
        "{} × {} tokens need about {:.1f} GB and {} has {:.1f} GB",
        batch,
        tokens,
        bytes / 1e9,
        there.owner,
        there.bytes / 1e9));
  }
}

mx::array causal_mask(int tokens) {
  const auto positions = mx::arange(0, tokens, 1, mx::int32);
  const auto allowed = mx::less_equal(mx::expand_dims(positions, 0), mx::expand_dims(positions, 1));
  return mx::expand_dims(allowed, {0, 1});
}

} // namespace

std::vector<int> checked_hidden_states(const Qwen3Config& config, std::vector<int> wanted) {
  if (wanted.empty()) {
    throw Error("no hidden state of the text encoder is asked for");
  }
  for (const int state : wanted) {
    if (state < 0 || state > config.num_hidden_layers) {
      throw Error(fmt::format(
          "hidden state {} is asked for, but {} layers have only 0 to {}",
          state,
          config.num_hidden_layers,
          config.num_hidden_layers));
    }
  }
  return wanted;
}

int Qwen3Model::depth() const {
  return *std::max_element(wanted.begin(), wanted.end());
}

void Qwen3Model::join() {
  for (auto& layer : layers) {
    layer.self_attn.join();
    layer.mlp.join();
  }
}

std::vector<mx::array> Qwen3Model::layer_by_layer(
    const mx::array& embedded, const Context& context) const {
  std::vector<mx::array> states{embedded};
  for (const auto& layer : layers) {
    states.push_back(layer(states.back(), context));
  }
  return states;
}

std::vector<mx::array> Qwen3Model::operator()(const Tokens& tokens) const {
  const auto& mask = tokens.attention_mask;
  if (mask && mask->shape() != tokens.input_ids.shape()) {
    reject(*mask, "an attention mask of the ids' shape");
  }
  const auto call = this->call();
  const auto ids = mask ? call.in("input_ids", tokens.input_ids, Axes::as_is)
                        : call.in(tokens.input_ids, Axes::as_is);
  const auto valid =
      mask ? std::optional(call.in("attention_mask", *mask, Axes::as_is)) : std::nullopt;
  auto x = embed_tokens(ids);
  const int count = ids.shape(1);
  if (count > config.max_position_embeddings) {
    log(LogLevel::warning,
        fmt::format(
            "{} tokens are more than the text encoder's max_position_embeddings, {}",
            count,
            config.max_position_embeddings));
  }
  check_memory(config, ids.shape(0), count);
  const Context context = masked({.positions = rotary_emb(x), .causal = causal_mask(count)}, valid);

  auto states =
      takes_fused_path(x.dtype()) ? fused_states(*this, x, context) : layer_by_layer(x, context);
  if (norm) {
    states.back() = (*norm)(states.back());
  }
  std::vector<mx::array> out;
  for (const int state : wanted) {
    out.push_back(states[state]);
  }
  return out;
}

} // namespace mflux::qwen3
