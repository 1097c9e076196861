#include "mflux/encoders/qwen3/fused.h"

#include "mflux/nn/attention.h"
#include "mflux/nn/fused/add_norm.h"
#include "mflux/nn/fused/heads.h"
#include "mflux/nn/fused/swiglu.h"

namespace mflux::qwen3 {
namespace {

/// Who attends to whom, as booleans, and where it can be as what is added to scores.
struct Mask {
  mx::array allowed;
  std::optional<mx::array> bias;
};

Mask mask_of(const Context& context, mx::Dtype dtype) {
  Mask mask{.allowed = context.mask ? *context.mask : context.causal, .bias = std::nullopt};
  if (!context.leaves_blind) {
    mask.bias = nn::score_bias(mask.allowed, dtype);
  }
  return mask;
}

mx::array attended(
    const Attention& attn, const mx::array& x, const nn::RotaryTables& tables, const Mask& mask) {
  const auto heads = nn::fused::turned_heads(
      nn::fused::projected(
          x,
          {attn.q_proj, attn.k_proj, attn.v_proj, attn.qkv},
          attn.q_norm.weight,
          attn.k_norm.weight),
      std::nullopt,
      tables,
      {.heads = attn.config.num_attention_heads,
       .kv_heads = attn.config.num_key_value_heads,
       .head_dim = attn.config.head_dim,
       .eps = attn.q_norm.eps,
       .pairing = nn::fused::Pairing::halves});
  const auto mixed = mask.bias ? nn::attend_heads_biased(heads.q, heads.k, heads.v, *mask.bias)
                               : nn::attend_heads(heads.q, heads.k, heads.v, mask.allowed);
  return attn.o_proj(mx::flatten(mixed, 2, 3));
}

mx::array fed_forward(const MLP& mlp, const mx::array& x) {
  if (mlp.gate_up) {
    const auto y = nn::linear(x, *mlp.gate_up);
    return mlp.down_proj(nn::fused::join_swiglu(
        std::nullopt, {.all = y}, {.all = y, .begin = mlp.intermediate}, mlp.intermediate));
  }
  return mlp.down_proj(nn::fused::join_swiglu(
      std::nullopt, {.all = mlp.gate_proj(x)}, {.all = mlp.up_proj(x)}, mlp.intermediate));
}

mx::array table(const mx::array& values) {
  return mx::astype(mx::squeeze(values, 0), mx::float32);
}

} // namespace

std::vector<mx::array> fused_states(
    const Qwen3Model& model, const mx::array& embedded, const Context& context) {
  const nn::RotaryTables tables{
      .cos = table(context.positions.cos), .sin = table(context.positions.sin)};
  const auto mask = mask_of(context, embedded.dtype());
  std::vector<mx::array> states;
  auto x = embedded;
  std::optional<mx::array> added;
  for (const auto& layer : model.layers) {
    const auto& first = layer.input_layernorm;
    const auto& second = layer.post_attention_layernorm;
    const auto before = nn::fused::add_rms_norm(x, added, first.weight, first.eps);
    states.push_back(before.sum);
    const auto between = nn::fused::add_rms_norm(
        before.sum,
        attended(layer.self_attn, before.normed, tables, mask),
        second.weight,
        second.eps);
    x = between.sum;
    added = fed_forward(layer.mlp, between.normed);
  }
  states.push_back(added ? mx::add(x, *added) : x);
  return states;
}

} // namespace mflux::qwen3
