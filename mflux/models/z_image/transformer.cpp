#include "mflux/models/z_image/transformer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/base/model_config.h"
#include "mflux/nn/load_component.h"
#include "mflux/weights/weights.h"

namespace mflux::z_image {
namespace {

using nn::Axes;

[[noreturn]] void refuse(const std::string& name, const mx::array& x, const std::string& expected) {
  throw Error(fmt::format(
      "transformer: {} is [{}], expected {}",
      name,
      fmt::join(x.shape().begin(), x.shape().end(), ", "),
      expected));
}

/// Every input of a list under its own name: "x.0", "x.1".
std::vector<mx::array> tapped(
    const capture::Call& call, const char* name, const std::vector<mx::array>& inputs) {
  std::vector<mx::array> out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    out.push_back(call.in(fmt::format("{}.{}", name, i), inputs[i], Axes::as_is));
  }
  return out;
}

std::vector<int> lengths_of(const std::vector<Sequence>& sequences) {
  std::vector<int> lengths;
  for (const auto& sequence : sequences) {
    lengths.push_back(sequence.length());
  }
  return lengths;
}

mx::array joined(const std::vector<Sequence>& sequences) {
  std::vector<mx::array> tokens;
  for (const auto& sequence : sequences) {
    tokens.push_back(sequence.tokens);
  }
  return mx::concatenate(tokens, 0);
}

/// `embedded` with `token` where one was added to a sequence.
mx::array with_pad_token(
    const mx::array& embedded, const std::vector<Sequence>& sequences, const mx::array& token) {
  std::vector<mx::array> parts;
  int begin = 0;
  for (const auto& sequence : sequences) {
    parts.push_back(mx::slice(embedded, {begin, 0}, {begin + sequence.given, embedded.shape(1)}));
    if (const int added = sequence.length() - sequence.given; added > 0) {
      parts.push_back(mx::broadcast_to(token, {added, embedded.shape(1)}));
    }
    begin += sequence.length();
  }
  return mx::concatenate(parts, 0);
}

std::vector<nn::RotaryTables> tables_of(
    const std::vector<Sequence>& sequences, const TransformerConfig& config) {
  std::vector<nn::RotaryTables> tables;
  for (const auto& sequence : sequences) {
    tables.push_back(turns_of(sequence.positions, config));
  }
  return tables;
}

/// The first `count` tokens' part of sample `i`.
mx::array sample(const mx::array& x, int i, int count) {
  return mx::squeeze(mx::slice(x, {i, 0, 0}, {i + 1, count, x.shape(2)}), 0);
}

nn::RotaryTables first_of(const nn::RotaryTables& tables, int count) {
  const auto cut = [&](const mx::array& x) { return mx::slice(x, {0, 0}, {count, x.shape(1)}); };
  return {.cos = cut(tables.cos), .sin = cut(tables.sin)};
}

} // namespace

Scope ZImageTransformer2DModel::patches(const char* what) const {
  return at(what) / fmt::format("{}-{}", config.patch_size, config.f_patch_size);
}

void ZImageTransformer2DModel::check(const TransformerInput& input) const {
  const auto batch = input.x.size();
  if (batch == 0 || input.cap_feats.size() != batch) {
    throw Error(fmt::format(
        "transformer: there are {} images and {} captions, expected as many of both",
        batch,
        input.cap_feats.size()));
  }
  const int patch = config.patch_size, f_patch = config.f_patch_size;
  for (size_t i = 0; i < batch; ++i) {
    const auto& x = input.x[i];
    const bool fits = x.ndim() == 4 && x.shape(0) == config.in_channels && x.size() > 0 &&
                      x.shape(1) % f_patch == 0 && x.shape(2) % patch == 0 &&
                      x.shape(3) % patch == 0;
    if (!fits) {
      refuse(
          fmt::format("x.{}", i),
          x,
          fmt::format(
              "[{}, frames, height, width], multiples of {}, {} and {}",
              config.in_channels,
              f_patch,
              patch,
              patch));
    }
    const auto& caption = input.cap_feats[i];
    if (caption.ndim() != 2 || caption.shape(1) != config.cap_feat_dim || caption.shape(0) < 1) {
      refuse(
          fmt::format("cap_feats.{}", i),
          caption,
          fmt::format("[tokens, {}]", config.cap_feat_dim));
    }
  }
  if (input.t.ndim() != 1 || input.t.shape(0) != static_cast<int>(batch)) {
    refuse("t", input.t, fmt::format("[{}]", batch));
  }
}

std::vector<mx::array> ZImageTransformer2DModel::operator()(const TransformerInput& input) const {
  check(input);
  const auto call = this->call();
  const auto images = tapped(call, "x", input.x);
  const auto t = call.in("t", input.t, Axes::as_is);
  const auto captions = tapped(call, "cap_feats", input.cap_feats);

  std::vector<Sequence> text, patched;
  for (size_t i = 0; i < images.size(); ++i) {
    text.push_back(caption_sequence(captions[i]));
    patched.push_back(image_sequence(
        images[i], config.patch_size, config.f_patch_size, text.back().length() + 1));
  }
  const auto scaled_t = mx::multiply(t, mx::array(static_cast<float>(config.t_scale), t.dtype()));
  const auto adaln = mx::astype(t_embedder(scaled_t), images[0].dtype());

  const auto x_lengths = lengths_of(patched), cap_lengths = lengths_of(text);
  const auto x_tables = tables_of(patched, config), cap_tables = tables_of(text, config);
  auto x = side_by_side(
      with_pad_token(all_x_embedder(joined(patched)), patched, x_pad_token), x_lengths);
  const auto x_mask = mask_of(x_lengths);
  const auto x_rotary = rotary_of(x_tables, x.tokens());
  for (const auto& block : noise_refiner) {
    x.x = block(x.x, x_mask, x_rotary, adaln);
  }
  auto cap =
      side_by_side(with_pad_token(cap_embedder(joined(text)), text, cap_pad_token), cap_lengths);
  const auto cap_mask = mask_of(cap_lengths);
  const auto cap_rotary = rotary_of(cap_tables, cap.tokens());
  for (const auto& block : context_refiner) {
    cap.x = block(cap.x, cap_mask, cap_rotary);
  }

  std::vector<mx::array> tokens;
  std::vector<nn::RotaryTables> tables;
  std::vector<int> lengths;
  for (size_t i = 0; i < images.size(); ++i) {
    const int sample_i = static_cast<int>(i);
    tokens.push_back(sample(x.x, sample_i, x_lengths[i]));
    tokens.push_back(sample(cap.x, sample_i, cap_lengths[i]));
    tables.push_back(nn::joined(x_tables[i], first_of(cap_tables[i], cap_lengths[i])));
    lengths.push_back(x_lengths[i] + cap_lengths[i]);
  }
  auto unified = side_by_side(mx::concatenate(tokens, 0), lengths);
  const auto mask = mask_of(lengths);
  const auto rotary = rotary_of(tables, unified.tokens());
  for (const auto& block : layers) {
    unified.x = block(unified.x, mask, rotary, adaln);
  }
  const auto patches = all_final_layer(unified.x, adaln);
  std::vector<mx::array> out;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto own = sample(patches, static_cast<int>(i), x_lengths[i]);
    const auto image = unpatchify(own, images[i].shape(), config.patch_size, config.f_patch_size);
    out.push_back(
        images.size() == 1 ? call.out(image, Axes::as_is)
                           : call.out(fmt::format("0.{}", i), image, Axes::as_is));
  }
  return out;
}

ZImageTransformer2DModel load_transformer(
    const std::filesystem::path& folder, mx::Dtype dtype, std::shared_ptr<capture::Taps> taps) {
  if (dtype != mx::float32 && dtype != mx::bfloat16) {
    throw Error("the transformer computes in float32 or bfloat16 only");
  }
  const auto config = read_config(folder, parse_transformer_config);
  return nn::load_component<ZImageTransformer2DModel>(folder, dtype, std::move(taps), config);
}

} // namespace mflux::z_image
