#include "mflux/parity/diagnose/layout/kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <random>

#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

using artifacts::Shape;

namespace {

/// How many elements lie inside each axis of a shape, the whole first.
std::vector<int64_t> place_values(const Shape& shape) {
  std::vector<int64_t> out = {1};
  for (size_t axis = shape.size(); axis-- > 0;) {
    out.push_back(out.back() * shape[axis]);
  }
  return out;
}

bool is_one_of(const std::vector<int64_t>& values, int64_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// Whether the digits are whole axes of the shape, or several taken as one.
bool moves_whole_axes(const Digits& digits, const Shape& shape) {
  const auto whole = place_values(shape);
  const auto places = place_values(digits.sizes);
  return std::all_of(
      places.begin(), places.end(), [&](int64_t place) { return is_one_of(whole, place); });
}

/// Whether the values do not change along an axis of field.reshape(sizes), but for noise.
bool repeats_along(const Field& field, const Shape& sizes, size_t axis) {
  int64_t inner = 1;
  for (size_t k = axis + 1; k < sizes.size(); ++k) {
    inner *= sizes[k];
  }
  std::mt19937_64 generator(7);
  std::uniform_int_distribution<int64_t> anywhere(0, field.count() - 1);
  double difference = 0, norm = 0;
  for (int k = 0; k < 200; ++k) {
    const int64_t i = anywhere(generator);
    const int64_t first = i - i / inner % sizes[axis] * inner;
    const double a = field.values[static_cast<size_t>(i)];
    const double b = field.values[static_cast<size_t>(first)];
    difference += (a - b) * (a - b);
    norm += a * a;
  }
  return norm > 0 && difference <= 1e-8 * norm;
}

/// Repeated heads: (kv, n) for (n, kv), of equal values along n.
bool moves_repeats(const Field& ref, const Digits& digits, const Shape& shape) {
  const auto whole = place_values(shape);
  const auto places = place_values(digits.sizes);
  for (size_t axis = 0; axis < digits.sizes.size(); ++axis) {
    const size_t from_end = digits.sizes.size() - 1 - axis;
    const bool is_part =
        !is_one_of(whole, places[from_end]) || !is_one_of(whole, places[from_end + 1]);
    if (is_part && repeats_along(ref, digits.sizes, axis)) {
      return true;
    }
  }
  return false;
}

/// Whether the digits are the shape's axes in another order.
bool are_axes_of(const Digits& digits, const Shape& shape) {
  const auto sorted = [](Shape sizes) {
    sizes.erase(std::remove(sizes.begin(), sizes.end(), 1), sizes.end());
    std::sort(sizes.begin(), sizes.end());
    return sizes;
  };
  return sorted(digits.sizes) == sorted(shape);
}

bool has_word(const Case& at, std::initializer_list<const char*> words) {
  std::string text = at.at().ref->text + " " + at.module_class();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::any_of(words.begin(), words.end(), [&](const char* word) {
    return text.find(word) != std::string::npos;
  });
}

bool is_about_patches(const Case& at) {
  return has_word(
      at,
      {"patch",
       "pack",
       "shuffle",
       "latents",
       "noise_pred",
       "decoded",
       "image",
       "pixel",
       "upsample",
       "downsample",
       "proj_out",
       "x_embedder",
       "img_in",
       "pos_embed"});
}

/// Whether only the last axis is split, in two, and none of the parts looks like a patch.
bool splits_like_heads(const Digits& digits, const Shape& shape) {
  const int64_t width = shape.empty() ? 1 : shape.back();
  const auto whole = place_values(shape);
  int inside = 0;
  for (const int64_t place : place_values(digits.sizes)) {
    if (is_one_of(whole, place)) {
      continue;
    }
    if (place > width) {
      return false; // the tokens themselves are cut
    }
    ++inside;
    if (place == 4 || width / place == 4) {
      return false;
    }
  }
  return inside == 1;
}

std::string describe(const Rearrangement& steps) {
  std::string text;
  for (const auto& step : steps) {
    text += fmt::format(
        "{}{} → permute {}",
        text.empty() ? "the port's is the reference's, taken as " : ", then as ",
        artifacts::to_string(step.sizes),
        to_string(Permute{step.order}).substr(8));
  }
  return text;
}

} // namespace

bool is_in_attention(const Case& at) {
  return has_word(
      at,
      {"attn",
       "attention",
       "to_q",
       "to_k",
       "to_v",
       "to_out",
       "qkv",
       "q_proj",
       "k_proj",
       "v_proj",
       "o_proj",
       "out_proj",
       "q_norm",
       "k_norm",
       "norm_q",
       "norm_k",
       "head",
       "sdpa",
       "rope"});
}

LayoutKind kind_of(const Case& at, const Rearrangement& steps) {
  const std::string detail = describe(steps);
  if (steps.size() == 1) {
    const Digits digits = simplified(steps.front());
    if (moves_whole_axes(digits, at.ref.shape)) {
      const bool is_mere = digits.order.size() <= 1;
      return {
          "layout.permute",
          is_mere ? fmt::format(
                        "the values are in the reference's order; {} was taken for {}",
                        artifacts::to_string(at.port.shape),
                        artifacts::to_string(at.ref.shape))
                  : detail};
    }
    if (moves_repeats(at.ref, digits, at.ref.shape)) {
      return {"layout.gqa_repeat", detail};
    }
    if (is_in_attention(at)) {
      return {"layout.heads", detail};
    }
    if (are_axes_of(steps.front(), at.ref.shape)) {
      return {"layout.permute", detail};
    }
    const bool is_heads = splits_like_heads(digits, at.ref.shape) && !is_about_patches(at);
    return {is_heads ? "layout.heads" : "layout.patch_order", detail};
  }
  const bool is_heads = is_in_attention(at) || (steps.size() == 3 && !is_about_patches(at));
  return {is_heads ? "layout.heads" : "layout.patch_order", detail};
}

} // namespace mflux::parity
