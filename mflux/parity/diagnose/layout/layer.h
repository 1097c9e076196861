#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// What a convolution reads beyond the border of an image.
enum class Border { zeros, replicate, reflect, circular };

/// Where a coordinate outside of [0, extent) reads; -1 for zero.
int64_t read_beyond(int64_t at, int64_t extent, Border border);

struct Padding {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  Border border = Border::zeros;
};

/// A linear layer, a convolution (nn.Conv1d, nn.Conv2d, channels first) or an embedding whose
/// reference input, weight and output were dumped, computed again at single elements.
class Layer {
 public:
  enum class Kind { linear, conv, embedding };

  /// Nothing where something was not dumped, or where the reference's output is none of that.
  static std::optional<Layer> of(const Case& at);

  Kind kind() const {
    return kind_;
  }

  const Field& weight() const {
    return *weight_;
  }

  const Field& input() const {
    return input_->ref;
  }

  const Padding& padding() const {
    return padding_;
  }

  int64_t stride() const {
    return stride_;
  }

  /// The same layer with another weight of as many elements; of the shape of the reference's.
  Layer with_weight(std::shared_ptr<const Field> weight) const;
  Layer with_padding(const Padding& padding) const;

  /// The same layer on the port's input, its operands rounded.
  Layer rounded(double (*input)(double), double (*weight)(double), double (*bias)(double)) const;

  /// The output's element `i`, in C order.
  double value_at(int64_t i) const;

  /// The whole output. Expensive.
  Field output() const;

  /// Multiplications that output() takes.
  double cost() const;

 private:
  bool reproduces(const Case& at) const;
  bool fits_as_conv(const Case& at);
  double linear_at(int64_t i) const;
  double conv_at(int64_t i) const;
  double embedding_at(int64_t i) const;

  Kind kind_ = Kind::linear;
  artifacts::Shape shape_;  ///< of the output
  artifacts::Shape image_;  ///< of a convolution's input: B, C, H, W
  artifacts::Shape result_; ///< the same of its output
  std::shared_ptr<const FieldPair> input_;
  std::shared_ptr<const Field> weight_, bias_;
  artifacts::Shape kernel_; ///< O, I, h, w
  Padding padding_;
  int64_t stride_ = 1, groups_ = 1;
};

/// Above this a layer is not computed whole.
inline constexpr double kMostMultiplications = 4e9;

/// Whether some of the port's elements are near what the layer gives and it can be computed whole.
bool may_be_port(const Case& at, const Layer& layer);

} // namespace mflux::parity
