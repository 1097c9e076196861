#pragma once

#include <string>

namespace mflux::nn::fused {

/// A kernel of cuda/ as it travels: PTX. Throws Error for an unknown name.
const std::string& kernel_ptx(const std::string& name);

} // namespace mflux::nn::fused
