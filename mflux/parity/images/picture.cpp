#include "mflux/parity/images/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Tensor;

constexpr float kWhite = 255;
constexpr double kMostUnit = 8; ///< before the clamp a decoder overshoots, but not so far

bool is_channel_count(int64_t extent) {
  return extent >= 1 && extent <= 4;
}

[[noreturn]] void refuse(const Tensor& tensor) {
  throw Error(fmt::format(
      "a tensor of shape {} and type {} is no picture: expected [H, W, C], [B, H, W, C], [C, H, W] "
      "or [B, C, H, W] with at most 4 channels, uint8, uint16 or floating",
      artifacts::to_string(tensor.shape),
      name_of(tensor.dtype)));
}

/// The item as [H, W, C], a view.
Tensor channels_last(Tensor item) {
  const bool is_first =
      item.shape.size() == 3 && is_channel_count(item.shape[0]) && item.shape[0] != 2;
  const bool is_last = item.shape.size() == 3 && is_channel_count(item.shape[2]);
  if (item.shape.size() == 2) {
    item.shape.push_back(1);
    item.strides.push_back(0);
  } else if (is_first && (!is_last || is_floating(item.dtype))) {
    std::rotate(item.shape.begin(), item.shape.begin() + 1, item.shape.end());
    std::rotate(item.strides.begin(), item.strides.begin() + 1, item.strides.end());
  } else if (!is_last) {
    refuse(item);
  }
  return item;
}

Tensor item_of(const Tensor& tensor, int item) {
  if (tensor.shape.size() != 4) {
    if (item != 0) {
      throw Error(fmt::format(
          "there is no batch item {}: the tensor has the shape {}",
          item,
          artifacts::to_string(tensor.shape)));
    }
    return tensor;
  }
  if (item < 0 || item >= tensor.shape[0]) {
    throw Error(fmt::format(
        "there is no batch item {}: the tensor {} has {}",
        item,
        artifacts::to_string(tensor.shape),
        tensor.shape[0]));
  }
  Tensor out = tensor.slice(
      {{item, item + 1}, {0, tensor.shape[1]}, {0, tensor.shape[2]}, {0, tensor.shape[3]}});
  out.shape.erase(out.shape.begin());
  out.strides.erase(out.strides.begin());
  return out;
}

template <typename T>
void widen(const Tensor& tensor, float scale, std::vector<float>& out) {
  const auto* at = tensor.data().data();
  for (float& level : out) {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    level = static_cast<float>(value) / scale;
  }
}

float level_of(double value, FloatRange range) {
  if (!std::isfinite(value)) {
    throw Error("the tensor holds NaN or infinity and is no picture");
  }
  if (std::abs(value) > kMostUnit) {
    throw Error(
        fmt::format("the tensor holds {:g}, expected a picture in [0, 1] or [-1, 1]", value));
  }
  const double unit = range == FloatRange::unit ? value : value / 2 + 0.5;
  return static_cast<float>(std::clamp(unit, 0.0, 1.0) * kWhite);
}

} // namespace

FloatRange range_of(const Tensor& tensor) {
  if (is_floating(tensor.dtype)) {
    const Tensor plain = tensor.contiguous();
    for (int64_t i = 0; i < plain.count(); ++i) {
      if (value_at(plain, i) < 0) {
        return FloatRange::symmetric;
      }
    }
  }
  return FloatRange::unit;
}

Picture picture_of(const Tensor& tensor, FloatRange range, int batch_item) {
  const bool is_levels = tensor.dtype == Dtype::uint8 || tensor.dtype == Dtype::uint16;
  if (tensor.shape.size() < 2 || tensor.shape.size() > 4 ||
      (!is_levels && !is_floating(tensor.dtype))) {
    refuse(tensor);
  }
  const Tensor plain = channels_last(item_of(tensor, batch_item)).contiguous();
  const auto [height, width] = std::pair(plain.shape[0], plain.shape[1]);
  if (height < 1 || width < 1 || height > kLongestSide || width > kLongestSide ||
      height * width > kMostPixels) {
    refuse(tensor);
  }
  Picture picture{
      static_cast<int>(width), static_cast<int>(height), static_cast<int>(plain.shape[2]), {}};
  picture.levels.resize(static_cast<size_t>(plain.count()));
  if (plain.dtype == Dtype::uint8) {
    widen<uint8_t>(plain, 1, picture.levels);
  } else if (plain.dtype == Dtype::uint16) {
    widen<uint16_t>(plain, 257, picture.levels);
  } else {
    for (size_t i = 0; i < picture.levels.size(); ++i) {
      picture.levels[i] = level_of(value_at(plain, static_cast<int64_t>(i)), range);
    }
  }
  return picture;
}

Picture without_alpha(const Picture& picture) {
  if (picture.channels % 2 == 1) {
    return picture;
  }
  Picture out{picture.width, picture.height, picture.channels - 1, {}};
  const auto colours = static_cast<size_t>(out.channels);
  out.levels.reserve(picture.levels.size() / (colours + 1) * colours);
  for (size_t pixel = 0; pixel < picture.levels.size(); pixel += colours + 1) {
    const float alpha = picture.levels[pixel + colours] / kWhite;
    for (size_t c = 0; c < colours; ++c) {
      out.levels.push_back(kWhite + alpha * (picture.levels[pixel + c] - kWhite));
    }
  }
  return out;
}

Image to_rgb(const Picture& picture) {
  const Picture colours = without_alpha(picture);
  Image image{picture.width, picture.height, {}};
  const int copies = colours.channels == 1 ? 3 : 1;
  image.rgb.reserve(colours.levels.size() * static_cast<size_t>(copies));
  for (const float level : colours.levels) {
    image.rgb.insert(
        image.rgb.end(),
        static_cast<size_t>(copies),
        static_cast<uint8_t>(std::nearbyint(std::clamp(level, 0.0f, kWhite))));
  }
  return image;
}

} // namespace mflux::parity
