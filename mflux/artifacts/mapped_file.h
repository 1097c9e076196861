#pragma once

#include <memory>
#include <string>

#include "mflux/artifacts/tensor.h"

namespace mflux::artifacts {

/// Maps the regular file open at `descriptor`, which may be closed afterwards. `name` is for
/// errors.
std::shared_ptr<const Storage> map_descriptor(int descriptor, const std::string& name);

} // namespace mflux::artifacts
