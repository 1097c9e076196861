#include "mflux/parity/diagnose/layout/layer.h"

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/layout/sampling.h"

namespace mflux::parity {

using artifacts::Shape;

namespace {

constexpr int64_t kLargestStride = 16;

/// As B, C, H, W: what has one axis fewer is one row of pixels.
Shape as_image(const Shape& shape) {
  return shape.size() == 3 ? Shape{shape[0], shape[1], 1, shape[2]} : shape;
}

} // namespace

int64_t read_beyond(int64_t at, int64_t extent, Border border) {
  if (at >= 0 && at < extent) {
    return at;
  }
  switch (border) {
    case Border::zeros:
      return -1;
    case Border::replicate:
      return std::clamp(at, int64_t{0}, extent - 1);
    case Border::circular:
      return (at % extent + extent) % extent;
    case Border::reflect:
      break;
  }
  const int64_t mirrored = at < 0 ? -at : 2 * (extent - 1) - at;
  return std::clamp(mirrored, int64_t{0}, extent - 1);
}

std::optional<Layer> Layer::of(const Case& at) {
  Layer layer;
  layer.input_ = at.input();
  layer.weight_ = at.weight(Side::ref, "weight");
  layer.bias_ = at.weight(Side::ref, "bias");
  if (!layer.input_ || !layer.weight_ || !at.is_first) {
    return std::nullopt;
  }
  layer.shape_ = at.ref.shape;
  const Field &x = layer.input_->ref, &w = *layer.weight_;
  if (x.values.empty() || w.values.empty() ||
      (layer.bias_ && layer.bias_->count() != w.shape.front())) {
    return std::nullopt;
  }
  if (w.rank() == 2 && x.width() == w.shape[1] && at.ref.width() == w.shape[0] &&
      x.count() / x.width() == at.ref.count() / at.ref.width()) {
    layer.kind_ = Kind::linear;
    return layer.reproduces(at) ? std::optional(layer) : std::nullopt;
  }
  if (w.rank() == 2 && x.count() * w.shape[1] == at.ref.count() && at.ref.width() == w.shape[1]) {
    layer.kind_ = Kind::embedding;
    return layer.reproduces(at) ? std::optional(layer) : std::nullopt;
  }
  layer.kind_ = Kind::conv;
  return layer.fits_as_conv(at) ? std::optional(layer) : std::nullopt;
}

Layer Layer::with_weight(std::shared_ptr<const Field> weight) const {
  Layer out = *this;
  out.weight_ = std::move(weight);
  return out;
}

Layer Layer::with_padding(const Padding& padding) const {
  Layer out = *this;
  out.padding_ = padding;
  return out;
}

Layer Layer::rounded(
    double (*input)(double), double (*weight)(double), double (*bias)(double)) const {
  const auto mapped = [](Field field, double (*round)(double)) {
    std::transform(field.values.begin(), field.values.end(), field.values.begin(), round);
    return field;
  };
  Layer out = *this;
  auto pair = std::make_shared<FieldPair>();
  pair->ref = mapped(input_->port, input);
  out.input_ = std::move(pair);
  out.weight_ = std::make_shared<const Field>(mapped(*weight_, weight));
  if (bias_) {
    out.bias_ = std::make_shared<const Field>(mapped(*bias_, bias));
  }
  return out;
}

/// Tries strides, and paddings that give the output its size, the even ones first.
bool Layer::fits_as_conv(const Case& at) {
  const Field& x = input_->ref;
  if (x.rank() != weight_->rank() || at.ref.rank() != x.rank() || x.rank() < 3 || x.rank() > 4) {
    return false;
  }
  image_ = as_image(x.shape);
  result_ = as_image(at.ref.shape);
  kernel_ = as_image(weight_->shape);
  if (image_[0] != result_[0] || kernel_[0] != result_[1] || image_[1] % kernel_[1] != 0) {
    return false;
  }
  groups_ = image_[1] / kernel_[1];
  if (kernel_[0] % groups_ != 0) {
    return false;
  }
  for (stride_ = 1; stride_ <= kLargestStride; ++stride_) {
    for (int64_t top = 0; top < kernel_[2]; ++top) {
      for (int64_t left = 0; left < kernel_[3]; ++left) {
        const auto after = [&](size_t axis, int64_t before) {
          const int64_t wanted = (result_[axis] - 1) * stride_ + kernel_[axis];
          return std::max(wanted - image_[axis] - before, int64_t{0});
        };
        padding_ = {top, after(2, top), left, after(3, left), Border::zeros};
        const auto fits = [&](size_t axis, int64_t padded) {
          return padded >= kernel_[axis] && (padded - kernel_[axis]) / stride_ + 1 == result_[axis];
        };
        if (fits(2, image_[2] + padding_.top + padding_.bottom) &&
            fits(3, image_[3] + padding_.left + padding_.right) && reproduces(at)) {
          return true;
        }
      }
    }
  }
  return false;
}

bool Layer::reproduces(const Case& at) const {
  double difference = 0, norm = 0;
  for (const int64_t place : sample_places(at)) {
    const double expected = at.ref.values[static_cast<size_t>(place)];
    const double d = value_at(place) - expected;
    difference += d * d;
    norm += expected * expected;
  }
  return norm > 0 && std::sqrt(difference / norm) <= std::max(1e-4, 4 * at.floor());
}

double Layer::value_at(int64_t i) const {
  switch (kind_) {
    case Kind::linear:
      return linear_at(i);
    case Kind::embedding:
      return embedding_at(i);
    case Kind::conv:
      break;
  }
  return conv_at(i);
}

double Layer::linear_at(int64_t i) const {
  const int64_t out = weight_->shape[0], in = weight_->shape[1];
  const double* const x = input_->ref.values.data() + i / out * in;
  const double* const w = weight_->values.data() + i % out * in;
  double sum = bias_ ? bias_->values[static_cast<size_t>(i % out)] : 0;
  for (int64_t k = 0; k < in; ++k) {
    sum += x[k] * w[k];
  }
  return sum;
}

double Layer::embedding_at(int64_t i) const {
  const int64_t width = weight_->shape[1];
  const double id = input_->ref.values[static_cast<size_t>(i / width)];
  if (!(id >= 0 && id < static_cast<double>(weight_->shape[0]))) {
    return 0;
  }
  return weight_->values[static_cast<size_t>(static_cast<int64_t>(id) * width + i % width)];
}

double Layer::conv_at(int64_t i) const {
  const int64_t column = i % result_[3], row = i / result_[3] % result_[2];
  const int64_t o = i / (result_[3] * result_[2]) % result_[1];
  const int64_t n = i / (result_[3] * result_[2] * result_[1]);
  const int64_t first = o / (kernel_[0] / groups_) * kernel_[1];
  double sum = bias_ ? bias_->values[static_cast<size_t>(o)] : 0;
  for (int64_t a = 0; a < kernel_[2]; ++a) {
    const int64_t y = read_beyond(row * stride_ - padding_.top + a, image_[2], padding_.border);
    for (int64_t b = 0; b < kernel_[3] && y >= 0; ++b) {
      const int64_t x =
          read_beyond(column * stride_ - padding_.left + b, image_[3], padding_.border);
      if (x < 0) {
        continue;
      }
      for (int64_t c = 0; c < kernel_[1]; ++c) {
        const int64_t pixel = ((n * image_[1] + first + c) * image_[2] + y) * image_[3] + x;
        const int64_t tap = ((o * kernel_[1] + c) * kernel_[2] + a) * kernel_[3] + b;
        sum += input_->ref.values[static_cast<size_t>(pixel)] *
               weight_->values[static_cast<size_t>(tap)];
      }
    }
  }
  return sum;
}

Field Layer::output() const {
  Field out{shape_, {}};
  const int64_t count = artifacts::element_count(shape_);
  out.values.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    out.values.push_back(value_at(i));
  }
  return out;
}

double Layer::cost() const {
  const auto each = static_cast<double>(weight_->count()) / static_cast<double>(weight_->shape[0]);
  return kind_ == Kind::embedding ? 0
                                  : static_cast<double>(artifacts::element_count(shape_)) * each;
}

bool may_be_port(const Case& at, const Layer& layer) {
  double difference = 0, norm = 0;
  for (const int64_t place : sample_places(at)) {
    const double expected = at.port.values[static_cast<size_t>(place)];
    const double d = layer.value_at(place) - expected;
    difference += d * d;
    norm += expected * expected;
  }
  return std::sqrt(difference) <= 0.5 * std::sqrt(norm) && layer.cost() <= kMostMultiplications;
}

} // namespace mflux::parity
