#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

namespace capture {

enum class Role { in, out };

/// How a tensor lies here and in the reference.
enum class Axes {
  as_is,         ///< the same on both sides
  channels_last, ///< [batch, …, channels] here, [batch, channels, …] there
};

/// Sees the tensors that pass the taps, in execution order, still lazy.
class Observer {
 public:
  virtual ~Observer() = default;

  /// A module is called; the answer says for which time (from 1).
  virtual int enter(const std::string& module) = 0;

  /// What the run goes on with instead of `tensor`: usually `tensor` itself. `checkpoint` is the
  /// full name ("vae.decoder.conv_in.in"); `module` the part that names the module.
  virtual mx::array see(
      const std::string& module,
      const std::string& checkpoint,
      Role role,
      const mx::array& tensor,
      Axes axes) = 0;
};

/// One call of one module. Unobserved it is a null pointer and an empty string: no allocation, no
/// graph node.
class Call {
 public:
  Call() = default;
  Call(Observer& observer, std::string module);

  /// The only tensor that goes in: "NAME.in".
  mx::array in(const mx::array& tensor, Axes axes) const;
  /// One of several: "NAME.in.ARGUMENT".
  mx::array in(std::string_view argument, const mx::array& tensor, Axes axes) const;
  /// The only tensor that comes out: "NAME".
  mx::array out(const mx::array& tensor, Axes axes) const;

 private:
  Observer* observer_ = nullptr;
  std::string module_, name_; ///< the name carries .callN
};

/// What the modules of one component (a whole "vae") share: who watches them, if anybody. Names are
/// the component's, then the module's path in the checkpoint, as PyTorch's hooks name them.
class Taps {
 public:
  explicit Taps(std::string component) : component_(std::move(component)) {}

  /// From now on `observer` sees everything; null: nobody does. It must outlive its time here.
  void watch(Observer* observer) {
    observer_ = observer;
  }

  /// A call of the module at `path` ("" is the component itself).
  Call call(std::string_view path) const;

  /// A tensor that is no module's, under exactly this name.
  mx::array record(const std::string& name, const mx::array& tensor, Axes axes) const;

 private:
  std::string component_;
  Observer* observer_ = nullptr;
};

/// Has `observer` watch `taps` for as long as this lives.
class Watch {
 public:
  Watch(Taps& taps, Observer* observer) : taps_(taps) {
    taps_.watch(observer);
  }
  ~Watch() {
    taps_.watch(nullptr);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  Taps& taps_;
};

} // namespace capture
} // namespace mflux
