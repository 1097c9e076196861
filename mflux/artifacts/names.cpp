#include "mflux/artifacts/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/artifacts/write.h"
#include "mflux/base/error.h"
#include "mflux/base/utf8.h"

namespace mflux::artifacts {
void check_name(std::string_view name) {
  if (name.empty()) {
    throw Error("a tensor has an empty name");
  }
  if (name.find('\0') != name.npos || !is_utf8(name)) {
    throw Error("a tensor's name is no UTF-8 text without NUL");
  }
}

void check_names(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string_view> names;
  for (const auto& named : tensors) {
    check_name(named.name);
    names.push_back(named.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw Error(fmt::format("two tensors are named {}", *twice));
  }
}

} // namespace mflux::artifacts
