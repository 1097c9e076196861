#include "mflux/models/flux2/transformer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/base/model_config.h"
#include "mflux/models/flux2/fused_transformer.h"
#include "mflux/nn/fused/path.h"
#include "mflux/nn/load_component.h"

#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

using nn::Axes;

[[noreturn]] void refuse(const char* name, const mx::array& seen, const std::string& expected) {
  throw Error(fmt::format(
      "transformer: {} is [{}], expected {}",
      name,
      fmt::join(seen.shape().begin(), seen.shape().end(), ", "),
      expected));
}

void expect_tokens(const char* name, const mx::array& x, int batch, int channels) {
  if (x.ndim() != 3 || x.shape(2) != channels || x.shape(1) < 1 || x.shape(0) != batch) {
    refuse(name, x, fmt::format("[{}, tokens, {}]", batch, channels));
  }
}

void expect_scalars(const char* name, const mx::array& x, int batch) {
  if (x.ndim() != 1 || (x.shape(0) != batch && x.shape(0) != 1)) {
    refuse(name, x, batch == 1 ? "[1]" : fmt::format("[{}] or [1]", batch));
  }
}

void expect_ids(const char* name, const Positions& positions, int tokens) {
  if (positions.tables.cos.shape(0) != tokens) {
    refuse(name, positions.ids, fmt::format("ids of {} tokens", tokens));
  }
}

mx::array thousandfold(const mx::array& x, mx::Dtype dtype) {
  return mx::multiply(mx::astype(x, dtype), mx::array(1000.0f, dtype));
}

} // namespace

void Flux2Transformer2DModel::check(const TransformerInput& input) const {
  const auto& x = input.hidden_states;
  const int batch = x.ndim() == 3 ? x.shape(0) : 1;
  expect_tokens("hidden_states", x, batch, config.in_channels);
  expect_tokens(
      "encoder_hidden_states", input.encoder_hidden_states, batch, config.joint_attention_dim);
  expect_scalars("timestep", input.timestep, batch);
  if (input.guidance) {
    expect_scalars("guidance", *input.guidance, batch);
  }
  expect_ids("img_ids", input.img, x.shape(1));
  expect_ids("txt_ids", input.txt, input.encoder_hidden_states.shape(1));
}

mx::array Flux2Transformer2DModel::operator()(const TransformerInput& input) const {
  check(input);
  if (takes_fused_path(input.hidden_states.dtype())) {
    return fused_prediction(*this, input);
  }
  const auto call = this->call();
  auto image = call.in("hidden_states", input.hidden_states, Axes::as_is);
  auto text = call.in("encoder_hidden_states", input.encoder_hidden_states, Axes::as_is);
  const auto sigma = call.in("timestep", input.timestep, Axes::as_is);
  const auto img = pos_embed.seen(input.img, call.in("img_ids", input.img.ids, Axes::as_is));
  const auto txt = pos_embed.seen(input.txt, call.in("txt_ids", input.txt.ids, Axes::as_is));
  std::optional<mx::array> guidance;
  if (input.guidance) {
    guidance = call.in("guidance", *input.guidance, Axes::as_is);
  }

  const auto temb = embed_time(sigma, guidance, image.dtype());
  const auto img_mod = double_stream_modulation_img(temb);
  const auto txt_mod = double_stream_modulation_txt(temb);
  const auto single_mod = single_stream_modulation(temb);
  image = x_embedder(image);
  text = context_embedder(text);
  const auto img_rotary = pos_embed(img);
  const auto rotary = nn::joined(pos_embed(txt), img_rotary);

  Streams streams{.image = image, .text = text};
  for (const auto& block : transformer_blocks) {
    streams = block(streams, img_mod, txt_mod, rotary);
  }
  auto tokens = mx::concatenate({streams.text, streams.image}, 1);
  for (const auto& block : single_transformer_blocks) {
    tokens = block(tokens, single_mod, rotary);
  }
  const auto predicted = mx::split(tokens, mx::Shape{text.shape(1)}, 1)[1];
  return call.out(proj_out(norm_out(predicted, temb)), Axes::as_is);
}

mx::array Flux2Transformer2DModel::embed_time(
    const mx::array& timestep, const std::optional<mx::array>& guidance, mx::Dtype dtype) const {
  return time_guidance_embed(
      thousandfold(timestep, dtype),
      guidance ? std::optional(thousandfold(*guidance, dtype)) : std::nullopt);
}

Flux2Transformer2DModel load_transformer(
    const std::filesystem::path& folder, mx::Dtype dtype, std::shared_ptr<capture::Taps> taps) {
  if (dtype != mx::float32 && dtype != mx::bfloat16) {
    throw Error("the transformer computes in float32 or bfloat16 only");
  }
  const auto config = read_config(folder, parse_transformer_config);
  auto model = nn::load_component<Flux2Transformer2DModel>(folder, dtype, std::move(taps), config);
  if (nn::fused::takes_fused_path(dtype)) {
    for (auto& block : model.transformer_blocks) {
      block.attn.join();
    }
  }
  return model;
}

} // namespace mflux::flux2
