#include "mflux/capture/taps.h"

#include <fmt/format.h>

#include <utility>

#include "mflux/base/error.h"

namespace mflux::capture {
namespace {

std::string suffix_of(std::optional<int> step) {
  return step ? fmt::format("@step={}", *step) : std::string();
}

} // namespace

void Observer::begin_step(std::optional<int> step) {
  if (step && *step < 1) {
    throw Error(fmt::format("steps count from 1, got {}", *step));
  }
  step_ = step;
}

int Observer::enter(const std::string& module) {
  return ++calls_[step_][module];
}

Call::Call(Observer& observer, std::string module)
    : observer_(&observer), module_(std::move(module)), step_(suffix_of(observer.step())) {
  const int time = observer.enter(module_);
  name_ = time == 1 ? module_ : fmt::format("{}.call{}", module_, time);
}

mx::array Call::see(Role role, std::string_view suffix, const mx::array& tensor, Axes axes) const {
  return observer_->see(module_, fmt::format("{}{}{}", name_, suffix, step_), role, tensor, axes);
}

mx::array Call::in(const mx::array& tensor, Axes axes) const {
  return observer_ ? see(Role::in, ".in", tensor, axes) : tensor;
}

mx::array Call::in(std::string_view argument, const mx::array& tensor, Axes axes) const {
  return observer_ ? see(Role::in, fmt::format(".in.{}", argument), tensor, axes) : tensor;
}

mx::array Call::out(const mx::array& tensor, Axes axes) const {
  return observer_ ? see(Role::out, "", tensor, axes) : tensor;
}

mx::array Call::out(int position, const mx::array& tensor, Axes axes) const {
  return observer_ ? see(Role::out, fmt::format(".out.{}", position), tensor, axes) : tensor;
}

mx::array Call::out(std::string_view position, const mx::array& tensor, Axes axes) const {
  return observer_ ? see(Role::out, fmt::format(".out.{}", position), tensor, axes) : tensor;
}

std::shared_ptr<Taps> Taps::component(std::string name) const {
  auto taps = std::make_shared<Taps>(std::move(name));
  taps->observer_ = observer_;
  return taps;
}

void Taps::begin_step(std::optional<int> step) const {
  if (*observer_) {
    (*observer_)->begin_step(step);
  }
}

Call Taps::call(std::string_view path) const {
  if (!*observer_) {
    return {};
  }
  return {**observer_, path.empty() ? component_ : fmt::format("{}.{}", component_, path)};
}

mx::array Taps::record(
    const std::string& name, const mx::array& tensor, Axes axes, Role role) const {
  Observer* const observer = *observer_;
  if (!observer) {
    return tensor;
  }
  const bool says_step = name.find("@step=") != std::string::npos;
  return observer->see(
      name, says_step ? name : name + suffix_of(observer->step()), role, tensor, axes);
}

} // namespace mflux::capture
