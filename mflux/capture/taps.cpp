#include "mflux/capture/taps.h"

#include <fmt/format.h>

#include <utility>

namespace mflux::capture {

Call::Call(Observer& observer, std::string module)
    : observer_(&observer), module_(std::move(module)) {
  const int time = observer.enter(module_);
  name_ = time == 1 ? module_ : fmt::format("{}.call{}", module_, time);
}

mx::array Call::in(const mx::array& tensor, Axes axes) const {
  return observer_ ? observer_->see(module_, name_ + ".in", Role::in, tensor, axes) : tensor;
}

mx::array Call::in(std::string_view argument, const mx::array& tensor, Axes axes) const {
  return observer_ ? observer_->see(
                         module_, fmt::format("{}.in.{}", name_, argument), Role::in, tensor, axes)
                   : tensor;
}

mx::array Call::out(const mx::array& tensor, Axes axes) const {
  return observer_ ? observer_->see(module_, name_, Role::out, tensor, axes) : tensor;
}

Call Taps::call(std::string_view path) const {
  if (!observer_) {
    return {};
  }
  return {*observer_, path.empty() ? component_ : fmt::format("{}.{}", component_, path)};
}

mx::array Taps::record(const std::string& name, const mx::array& tensor, Axes axes) const {
  return observer_ ? observer_->see(name, name, Role::out, tensor, axes) : tensor;
}

} // namespace mflux::capture
