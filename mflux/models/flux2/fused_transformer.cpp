#include "mflux/models/flux2/fused_transformer.h"

#include "mflux/nn/attention.h"
#include "mflux/nn/fused/add_norm.h"
#include "mflux/nn/fused/heads.h"
#include "mflux/nn/fused/swiglu.h"

namespace mflux::flux2 {
namespace {

using nn::fused::Columns;
using nn::fused::Gated;
using nn::fused::Projected;

/// A residual stream, of which the last addition is yet to be made by the norm that reads it.
struct Stream {
  mx::array x;
  std::optional<Gated> added{};
};

/// What does not change from block to block.
struct Step {
  const TransformerConfig& config;
  nn::RotaryTables rotary;
  int dim = config.dim();
  float eps = static_cast<float>(config.eps);
};

mx::array attended(
    const Projected& first, const std::optional<Projected>& second, const Step& step) {
  const auto heads = nn::fused::turned_heads(
      first,
      second,
      step.rotary,
      {.heads = step.config.num_attention_heads,
       .kv_heads = step.config.num_attention_heads,
       .head_dim = step.config.attention_head_dim,
       .eps = step.eps,
       .pairing = nn::fused::Pairing::neighbours});
  return mx::flatten(nn::attend_heads(heads.q, heads.k, heads.v), 2, 3);
}

mx::array feed_forward(const FeedForward& block, const mx::array& x) {
  const auto h = block.linear_in(x);
  return block.linear_out(nn::fused::join_swiglu(
      std::nullopt, {.all = h}, {.all = h, .begin = block.inner}, block.inner));
}

/// Columns of a modulation, in the order of Modulation::split().
Columns norm_columns(const mx::array& modulation, int set, int dim) {
  return {.all = modulation, .shift = 3 * set * dim, .scale = (3 * set + 1) * dim};
}

Gated gated(const mx::array& y, const mx::array& modulation, int set, int dim) {
  return {.y = y, .all = modulation, .gate = (3 * set + 2) * dim};
}

/// The second half of a double block, of one stream.
Stream fed_forward(
    const mx::array& x,
    const mx::array& attention,
    const mx::array& modulation,
    const FeedForward& block,
    const Step& step) {
  const auto norm = nn::fused::add_layer_norm_modulate(
      x,
      gated(attention, modulation, 0, step.dim),
      norm_columns(modulation, 1, step.dim),
      step.eps);
  const auto y = feed_forward(block, norm.normed);
  return {.x = norm.sum, .added = gated(y, modulation, 1, step.dim)};
}

void run_double(
    const TransformerBlock& block,
    Stream& image,
    Stream& text,
    const mx::array& img_mod,
    const mx::array& txt_mod,
    const Step& step) {
  const auto norm = [&](const Stream& stream, const mx::array& modulation) {
    return nn::fused::add_layer_norm_modulate(
        stream.x, stream.added, norm_columns(modulation, 0, step.dim), step.eps);
  };
  const auto image_in = norm(image, img_mod), text_in = norm(text, txt_mod);
  const auto& attn = block.attn;
  const auto mixed = attended(
      nn::fused::projected(
          text_in.normed,
          {attn.add_q_proj, attn.add_k_proj, attn.add_v_proj, attn.add_qkv},
          attn.norm_added_q.weight,
          attn.norm_added_k.weight),
      nn::fused::projected(
          image_in.normed,
          {attn.to_q, attn.to_k, attn.to_v, attn.to_qkv},
          attn.norm_q.weight,
          attn.norm_k.weight),
      step);
  const auto parts = mx::split(mixed, mx::Shape{text.x.shape(1)}, 1);
  image = fed_forward(image_in.sum, attn.to_out(parts[1]), img_mod, block.ff, step);
  text = fed_forward(text_in.sum, attn.to_add_out(parts[0]), txt_mod, block.ff_context, step);
}

Stream run_single(
    const SingleTransformerBlock& block,
    const Stream& input,
    const mx::array& modulation,
    const Step& step) {
  const auto norm = nn::fused::add_layer_norm_modulate(
      input.x, input.added, norm_columns(modulation, 0, step.dim), step.eps);
  const auto& attn = block.attn;
  const auto h = attn.to_qkv_mlp_proj(norm.normed);
  const int dim = step.dim, mlp = attn.mlp_dim;
  const Projected heads{
      .q = h,
      .k = h,
      .v = h,
      .k_at = dim,
      .v_at = 2 * dim,
      .q_weight = attn.norm_q.weight,
      .k_weight = attn.norm_k.weight};
  const auto joined = nn::fused::join_swiglu(
      attended(heads, std::nullopt, step),
      {.all = h, .begin = 3 * dim},
      {.all = h, .begin = 3 * dim + mlp},
      mlp);
  return {.x = norm.sum, .added = gated(attn.to_out(joined), modulation, 0, dim)};
}

mx::array settled(const Stream& stream) {
  return nn::fused::settled(stream.x, stream.added);
}

/// The tokens after the first `count`.
Stream behind(const Stream& stream, int count) {
  const auto rest = [&](const mx::array& x) {
    return mx::slice(x, {0, count, 0}, {x.shape(0), x.shape(1), x.shape(2)});
  };
  Stream out{.x = rest(stream.x), .added = stream.added};
  if (out.added) {
    out.added->y = rest(out.added->y);
  }
  return out;
}

} // namespace

mx::array fused_prediction(const Flux2Transformer2DModel& model, const TransformerInput& input) {
  const auto temb = model.embed_time(input.timestep, input.guidance, input.hidden_states.dtype());
  const auto img_mod = model.double_stream_modulation_img(temb);
  const auto txt_mod = model.double_stream_modulation_txt(temb);
  const auto single_mod = model.single_stream_modulation(temb);
  const Step step{.config = model.config, .rotary = nn::joined(input.txt.tables, input.img.tables)};

  Stream image{model.x_embedder(input.hidden_states)};
  Stream text{model.context_embedder(input.encoder_hidden_states)};
  for (const auto& block : model.transformer_blocks) {
    run_double(block, image, text, img_mod, txt_mod, step);
  }
  const int text_tokens = text.x.shape(1);
  Stream tokens{mx::concatenate({settled(text), settled(image)}, 1)};
  for (const auto& block : model.single_transformer_blocks) {
    tokens = run_single(block, tokens, single_mod, step);
  }
  const auto predicted = behind(tokens, text_tokens);
  const auto& norm_out = model.norm_out;
  const auto conditioning = norm_out.linear(norm_out.silu(temb)); // scale, then shift
  const auto out = nn::fused::add_layer_norm_modulate(
      predicted.x,
      predicted.added,
      {.all = conditioning, .shift = step.dim, .scale = 0},
      norm_out.eps);
  return model.proj_out(out.normed);
}

} // namespace mflux::flux2
