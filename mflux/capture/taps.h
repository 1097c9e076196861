#pragma once

#include <map>
#include <memory>
#include <optional>
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

/// Sees the tensors that pass the taps, in execution order, still lazy. It also knows the step of
/// the denoising loop and how often each module was called in it, for both are in the names.
class Observer {
 public:
  virtual ~Observer() = default;

  /// What the run goes on with instead of `tensor`: usually `tensor` itself. `checkpoint` is the
  /// full name ("vae.decoder.conv_in.in", "transformer@step=2"); `module` the part that names the
  /// module.
  virtual mx::array see(
      const std::string& module,
      const std::string& checkpoint,
      Role role,
      const mx::array& tensor,
      Axes axes) = 0;

  /// From now on names carry "@step=K" (K from 1); nothing: outside the loop, before or after it.
  /// Throws Error when K is below 1.
  void begin_step(std::optional<int> step);

  std::optional<int> step() const {
    return step_;
  }

  /// A module is called; the answer says for which time in this step (from 1).
  int enter(const std::string& module);

 private:
  std::optional<int> step_;
  std::map<std::optional<int>, std::map<std::string, int>> calls_; ///< by step, by module
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
  /// One of several: "NAME.out.0"; of a tuple inside the tuple "NAME.out.0.1".
  mx::array out(int position, const mx::array& tensor, Axes axes) const;
  mx::array out(std::string_view position, const mx::array& tensor, Axes axes) const;

 private:
  mx::array see(Role role, std::string_view suffix, const mx::array& tensor, Axes axes) const;

  Observer* observer_ = nullptr;
  std::string module_, name_, step_; ///< name_ carries .callN, step_ is "@step=K" or empty
};

/// What the modules of one component (a whole "vae") share: who watches them, if anybody. Names are
/// the component's, then the module's path in the checkpoint, as PyTorch's hooks name them.
///
/// A pipeline has one Taps without a component's name for its own checkpoints and makes those of
/// its components from it: who watches one of them watches all, so one Watch covers a run.
///
///     Taps taps;
///     auto vae = load_autoencoder(folder, dtype, taps.component("vae"));
///     const Watch watch(taps, callbacks.observer);
///     taps.begin_step(1);
///     taps.record("noise_pred", prediction, Axes::as_is); // noise_pred@step=1
class Taps {
 public:
  explicit Taps(std::string component = {}) : component_(std::move(component)) {}

  /// Taps of another component of the same run.
  std::shared_ptr<Taps> component(std::string name) const;

  /// From now on `observer` sees everything; null: nobody does. It must outlive its time here.
  void watch(Observer* observer) {
    *observer_ = observer;
  }

  bool is_watched() const {
    return *observer_ != nullptr;
  }

  /// Tells the observer, if there is one.
  void begin_step(std::optional<int> step) const;

  /// A call of the module at `path` ("" is the component itself).
  Call call(std::string_view path) const;

  /// A tensor that is no module's, under exactly this name (and the step, unless the name says
  /// one).
  mx::array record(
      const std::string& name, const mx::array& tensor, Axes axes, Role role = Role::out) const;

 private:
  std::string component_;
  std::shared_ptr<Observer*> observer_ = std::make_shared<Observer*>(nullptr);
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
