#include "mflux/models/port_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/weights/weights.h"

namespace mflux::models {

std::filesystem::path component_folder(
    const std::filesystem::path& model, const std::string& component) {
  return std::filesystem::exists(model / component) ? model / component : model;
}

std::string at_step(const std::string& name, std::optional<int> step) {
  return step ? fmt::format("{}@step={}", name, *step) : name;
}

void refuse(const capture::Found& input, const std::string& expected) {
  throw Error(fmt::format(
      "{}: {} is {}, expected {}",
      input.file.string(),
      input.name,
      artifacts::to_string(input.shape),
      expected));
}

capture::Found find_input(
    const PortRequest& request,
    const std::vector<std::string>& names,
    const std::vector<Axis>& axes) {
  const auto input = request.inputs->find(names);
  std::vector<std::string> expected;
  bool is_right = input.shape.size() == axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto& [name, extent] = axes[i];
    expected.push_back(extent ? fmt::format("{}", extent) : name);
    is_right = is_right && input.shape[i] > 0 && (extent == 0 || input.shape[i] == extent);
  }
  if (!is_right) {
    refuse(input, fmt::format("[{}]", fmt::join(expected, ", ")));
  }
  if (!artifacts::is_floating(input.dtype)) {
    throw Error(fmt::format(
        "{}: {} is of {}, expected floating-point numbers",
        input.file.string(),
        input.name,
        artifacts::name_of(input.dtype)));
  }
  return input;
}

mx::array read_input(const PortRequest& request, const capture::Found& input) {
  return with_context(fmt::format("{}: {}", input.file.string(), input.name), [&] {
    const mx::array x = mflux::to_array(request.inputs->require({input.name}));
    if (!mx::all(mx::isfinite(x)).item<bool>()) {
      throw Error("holds NaN or infinity");
    }
    return mx::astype(x, request.dtype);
  });
}

} // namespace mflux::models
