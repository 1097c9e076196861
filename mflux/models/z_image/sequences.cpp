#include "mflux/models/z_image/sequences.h"

#include <algorithm>

namespace mflux::z_image {
namespace {

constexpr int kMultiple = 32;

int padding_of(int tokens) {
  return (kMultiple - tokens % kMultiple) % kMultiple;
}

mx::array with_padding(const mx::array& tokens) {
  const int given = tokens.shape(0), added = padding_of(given), channels = tokens.shape(1);
  if (added == 0) {
    return tokens;
  }
  const auto last = mx::slice(tokens, {given - 1, 0}, {given, channels});
  return mx::concatenate({tokens, mx::broadcast_to(last, {added, channels})}, 0);
}

mx::array rows(const mx::array& x, int begin, int end) {
  return mx::slice(x, {begin, 0}, {end, x.shape(1)});
}

} // namespace

Sequence caption_sequence(const mx::array& features) {
  Sequence out{.tokens = with_padding(features), .given = features.shape(0), .positions = {}};
  for (int i = 0; i < out.length(); ++i) {
    out.positions.push_back({.t = 1 + i});
  }
  out.positions.resize(out.length() + padding_of(out.given));
  return out;
}

Sequence image_sequence(const mx::array& image, int patch, int f_patch, int first) {
  const int frames = image.shape(1) / f_patch, height = image.shape(2) / patch,
            width = image.shape(3) / patch;
  const auto parts = mx::transpose(
      mx::reshape(image, {image.shape(0), frames, f_patch, height, patch, width, patch}),
      {1, 3, 5, 2, 4, 6, 0});
  const auto tokens = mx::reshape(parts, {frames * height * width, -1});
  Sequence out{.tokens = with_padding(tokens), .given = tokens.shape(0), .positions = {}};
  for (int i = 0; i < out.given; ++i) {
    out.positions.push_back(
        {.t = first + i / (height * width), .row = i / width % height, .column = i % width});
  }
  out.positions.resize(out.length());
  return out;
}

mx::array unpatchify(const mx::array& tokens, const mx::Shape& image, int patch, int f_patch) {
  const int frames = image[1] / f_patch, height = image[2] / patch, width = image[3] / patch;
  const auto parts = mx::reshape(
      rows(tokens, 0, frames * height * width),
      {frames, height, width, f_patch, patch, patch, image[0]});
  return mx::reshape(mx::transpose(parts, {6, 0, 3, 1, 4, 2, 5}), image);
}

Batch side_by_side(const mx::array& x, const std::vector<int>& lengths) {
  const int most = *std::ranges::max_element(lengths), channels = x.shape(1);
  std::vector<mx::array> padded;
  int begin = 0;
  for (const int length : lengths) {
    padded.push_back(mx::pad(rows(x, begin, begin + length), {{0, most - length}, {0, 0}}));
    begin += length;
  }
  const int batch = static_cast<int>(lengths.size());
  return {
      .x = mx::reshape(mx::concatenate(padded, 0), {batch, most, channels}), .lengths = lengths};
}

std::optional<mx::array> mask_of(const std::vector<int>& lengths) {
  const int most = *std::ranges::max_element(lengths);
  if (std::ranges::count(lengths, most) == std::ssize(lengths)) {
    return std::nullopt;
  }
  const mx::array counts(lengths.data(), {static_cast<int>(lengths.size()), 1}, mx::int32);
  return mx::less(mx::expand_dims(mx::arange(0, most, 1, mx::int32), 0), counts);
}

} // namespace mflux::z_image
