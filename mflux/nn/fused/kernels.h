#pragma once

#include <string>
#include <vector>

namespace mflux::nn::fused {

/// Names of the kernels in cuda/.
const std::vector<std::string>& kernel_names();

/// A kernel as it travels: PTX. Throws Error for an unknown name.
const std::string& kernel_ptx(const std::string& name);

} // namespace mflux::nn::fused
