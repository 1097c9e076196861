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
mx::array sample(const mx::array& x, size_t i, int count) {
  const int at = static_cast<int>(i);
  return mx::squeeze(mx::slice(x, {at, 0, 0}, {at + 1, count, x.shape(2)}), 0);
}

nn::RotaryTables first_of(const nn::RotaryTables& tables, int count) {
  const auto cut = [&](const mx::array& x) { return mx::slice(x, {0, 0}, {count, x.shape(1)}); };
  return {.cos = cut(tables.cos), .sin = cut(tables.sin)};
}

/// Sequences side by side, and what turns each.
struct Stream {
  Batch batch;
  std::vector<nn::RotaryTables> tables;

  void run(const std::vector<TransformerBlock>& blocks, const std::optional<mx::array>& adaln) {
    const auto mask = mask_of(batch.lengths);
    const auto rotary = rotary_of(tables, batch.tokens());
    for (const auto& block : blocks) {
      batch.x = block(batch.x, mask, rotary, adaln);
    }
  }
};

/// Each image's tokens, then its caption's.
Stream unified(const Stream& images, const Stream& captions) {
  std::vector<mx::array> tokens;
  std::vector<nn::RotaryTables> tables;
  std::vector<int> lengths;
  for (size_t i = 0; i < images.tables.size(); ++i) {
    const int image = images.batch.lengths[i], caption = captions.batch.lengths[i];
    tokens.push_back(sample(images.batch.x, i, image));
    tokens.push_back(sample(captions.batch.x, i, caption));
    tables.push_back(nn::joined(images.tables[i], first_of(captions.tables[i], caption)));
    lengths.push_back(image + caption);
  }
  return {.batch = side_by_side(mx::concatenate(tokens, 0), lengths), .tables = tables};
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

  const auto stream = [&](const std::vector<Sequence>& sequences,
                          const mx::array& embedded,
                          const mx::array& pad_token) {
    const auto tokens = with_pad_token(embedded, sequences, pad_token);
    return Stream{
        .batch = side_by_side(tokens, lengths_of(sequences)),
        .tables = tables_of(sequences, config)};
  };
  auto x = stream(patched, all_x_embedder(joined(patched)), x_pad_token);
  x.run(noise_refiner, adaln);
  auto cap = stream(text, cap_embedder(joined(text)), cap_pad_token);
  cap.run(context_refiner, std::nullopt);
  auto all = unified(x, cap);
  all.run(layers, adaln);
  const auto patches = all_final_layer(all.batch.x, adaln);
  std::vector<mx::array> out;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto own = sample(patches, i, x.batch.lengths[i]);
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
