#pragma once

#include <string_view>
#include <vector>

namespace mflux::artifacts {

/// Throws Error unless `name` can name a tensor: not empty, UTF-8, no NUL.
void check_name(std::string_view name);

struct NamedTensor;

/// The same for all of them; also throws Error when two have the same name.
void check_names(const std::vector<NamedTensor>& tensors);

} // namespace mflux::artifacts
