#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mflux/capture/taps.h"
#include "mflux/weights/scope.h"

namespace mflux::nn {

using capture::Axes;

/// Base of everything that has parameters or a name in the reference's module tree. It remembers
/// where in the checkpoint it lives; members draw their tensors with `at("name")` in their default
/// initialisers, and every operator() passes its inputs and output through call()'s taps.
class Module {
 public:
  const std::string& path() const {
    return here_.path();
  }

 protected:
  explicit Module(Scope here) : here_(std::move(here)) {}

  const Scope& here() const {
    return here_;
  }

  Scope at(std::string_view child) const {
    return here_ / child;
  }

  mx::array parameter(std::string_view leaf, const mx::Shape& shape) const {
    return here_.take(leaf, shape);
  }

  capture::Call call() const {
    return here_.taps() ? here_.taps()->call(path()) : capture::Call{};
  }

  /// A call of a method other than operator(): "vae.decode".
  capture::Call call(std::string_view method) const {
    return here_.taps() ? here_.taps()->call((here_ / method).path()) : capture::Call{};
  }

  /// Whether to compute `dtype` on the fused path: never when an observer is to see checkpoints.
  bool takes_fused_path(mx::Dtype dtype) const;

  /// Throws Error unless x is [batch, height, width, channels] with at least one pixel.
  void expect_image(const mx::array& x, int channels) const;

  /// Throws Error unless the last axis of x holds `channels`, behind at least one other axis.
  void expect_channels(const mx::array& x, int channels) const;

  /// Throws Error: this module was given `x`.
  [[noreturn]] void reject(const mx::array& x, const std::string& expected) const;

 private:
  Scope here_;
};

/// `count` blocks living at "{where}.0", "{where}.1", …
template <typename Block, typename... Args>
std::vector<Block> stack(const Scope& where, int count, const Args&... args) {
  std::vector<Block> blocks;
  blocks.reserve(count);
  for (int i = 0; i < count; ++i) {
    blocks.emplace_back(where / std::to_string(i), args...);
  }
  return blocks;
}

/// The same when blocks differ: `make(scope, i)` gives block i.
template <typename Make>
auto stack_of(const Scope& where, int count, Make&& make) {
  std::vector<decltype(make(where, 0))> blocks;
  blocks.reserve(count);
  for (int i = 0; i < count; ++i) {
    blocks.push_back(make(where / std::to_string(i), i));
  }
  return blocks;
}

/// A part that only some configs have.
template <typename Block, typename... Args>
std::optional<Block> when(bool present, const Scope& where, const Args&... args) {
  return present ? std::optional<Block>(std::in_place, where, args...) : std::nullopt;
}

} // namespace mflux::nn
