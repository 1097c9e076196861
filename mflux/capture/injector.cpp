#include "mflux/capture/injector.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/log.h"
#include "mflux/base/nearest.h"
#include "mflux/capture/tensors.h"
#include "mflux/weights/weights.h"

namespace mflux::capture {
namespace {

/// The "=" that ends a checkpoint's name, which may hold the one of "@step=".
size_t end_of_name(const std::string& text) {
  size_t at = text.find('=');
  while (at != std::string::npos && std::string_view(text).substr(0, at).ends_with("@step")) {
    at = text.find('=', at + 1);
  }
  return at;
}

std::string_view without_step(std::string_view name) {
  return name.substr(0, name.find("@step="));
}

/// The same checkpoint of another step, else what is spelled alike.
std::string nearest_of(const std::string& checkpoint, const std::set<std::string>& seen) {
  for (const auto& name : seen) {
    if (without_step(name) == without_step(checkpoint)) {
      return name;
    }
  }
  return nearest(checkpoint, {seen.begin(), seen.end()});
}

artifacts::Shape reference_shape(const mx::array& tensor, Axes axes) {
  const auto shape = axes == Axes::channels_last ? channels_first(tensor).shape() : tensor.shape();
  return {shape.begin(), shape.end()};
}

} // namespace

Injection parse_injection(const std::string& text) {
  const size_t split = end_of_name(text);
  if (split == std::string::npos || split == 0 || split + 1 == text.size()) {
    throw Error(fmt::format("\"{}\": expected CHECKPOINT=FILE or CHECKPOINT=FILE#NAME", text));
  }
  Injection injection{text.substr(0, split), text.substr(split + 1), text.substr(0, split)};
  const std::string file = injection.file.string();
  const size_t mark = file.rfind('#');
  if (mark == std::string::npos || std::filesystem::exists(file)) {
    return injection;
  }
  if (mark == 0 || mark + 1 == file.size()) {
    throw Error(fmt::format("\"{}\": expected CHECKPOINT=FILE#NAME", text));
  }
  injection.file = file.substr(0, mark);
  injection.name = file.substr(mark + 1);
  return injection;
}

Injector::Injector(std::vector<Injection> injections, Observer* next) : next_(next) {
  std::map<std::filesystem::path, std::shared_ptr<const Inputs>> open;
  for (const auto& [checkpoint, file, name] : injections) {
    auto& inputs = open[file];
    if (!inputs) {
      inputs = std::make_shared<const Inputs>(file);
    }
    if (!sources_.emplace(checkpoint, Source{inputs, inputs->find({name})}).second) {
      throw Error(fmt::format("{} is injected twice", checkpoint));
    }
  }
}

mx::array Injector::replacement(
    const std::string& checkpoint, const Source& source, const mx::array& tensor, Axes axes) const {
  const auto& [name, file, dtype, shape] = source.found;
  const std::string what = fmt::format("{} of {}", name, file.string());
  if (const auto expected = reference_shape(tensor, axes); shape != expected) {
    throw Error(fmt::format(
        "cannot inject {} for {}: it is {}, the run has {} there",
        what,
        checkpoint,
        artifacts::to_string(shape),
        artifacts::to_string(expected)));
  }
  if (artifacts::is_floating(dtype) != mx::issubdtype(tensor.dtype(), mx::floating) ||
      artifacts::is_complex(dtype)) {
    throw Error(fmt::format(
        "cannot inject {} for {}: it is of {}, the run has {} there",
        what,
        checkpoint,
        artifacts::name_of(dtype),
        mx::issubdtype(tensor.dtype(), mx::floating) ? "floating-point numbers" : "integers"));
  }
  const mx::array injected =
      with_context(file.string(), [&] { return mflux::to_array(source.inputs->require({name})); });
  if (!mx::all(mx::isfinite(injected)).item<bool>()) {
    log(LogLevel::warning,
        fmt::format("{}, injected for {}, holds NaN or infinity", what, checkpoint));
  }
  const auto typed = mx::astype(injected, tensor.dtype());
  return axes == Axes::channels_last ? channels_last(typed) : typed;
}

mx::array Injector::see(
    const std::string& module,
    const std::string& checkpoint,
    Role role,
    const mx::array& tensor,
    Axes axes) {
  seen_.insert(checkpoint);
  mx::array out = tensor;
  if (const auto found = sources_.find(checkpoint); found != sources_.end()) {
    found->second.is_used = true;
    out = replacement(checkpoint, found->second, tensor, axes);
  }
  return next_ ? next_->see(module, checkpoint, role, out, axes) : out;
}

void Injector::finish() const {
  for (const auto& [checkpoint, source] : sources_) {
    if (!source.is_used) {
      const auto near = nearest_of(checkpoint, seen_);
      throw Error(fmt::format(
          "nothing was injected for {}: the run has no such checkpoint{}",
          checkpoint,
          near.empty() ? "" : fmt::format("; the nearest is {}", near)));
    }
  }
}

} // namespace mflux::capture
