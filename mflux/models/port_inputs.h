#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/models/port.h"

namespace mflux::models {

// What the components of ports share in reading a dump. All throw Error, naming the file.

/// `model`/`component`, or `model` itself when it is that component's own folder.
std::filesystem::path component_folder(
    const std::filesystem::path& model, const std::string& component);

/// "NAME@step=K"; outside a loop the name itself.
std::string at_step(const std::string& name, std::optional<int> step);

/// Throws Error: the input's shape is not the expected one.
[[noreturn]] void refuse(const capture::Found& input, const std::string& expected);

/// One axis as the reference orders and a person calls it; of a certain extent unless that is 0.
struct Axis {
  std::string name;
  int64_t extent = 0;
};

/// The first of `names`, its header checked; values are not read.
capture::Found find_input(
    const PortRequest& request,
    const std::vector<std::string>& names,
    const std::vector<Axis>& axes);

/// The input as an array of the run's type, its axes as in the reference.
mx::array read_input(const PortRequest& request, const capture::Found& input);

} // namespace mflux::models
