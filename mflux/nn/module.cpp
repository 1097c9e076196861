#include "mflux/nn/module.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/nn/fused/path.h"

namespace mflux::nn {

bool Module::takes_fused_path(mx::Dtype dtype) const {
  const bool is_watched = here_.taps() && here_.taps()->is_watched();
  return fused::takes_fused_path(dtype, is_watched);
}

void Module::expect_image(const mx::array& x, int channels) const {
  if (x.ndim() != 4 || x.shape(3) != channels || x.size() == 0) {
    reject(x, fmt::format("[batch, height, width, {}]", channels));
  }
}

void Module::expect_channels(const mx::array& x, int channels) const {
  if (x.ndim() < 2 || x.shape(-1) != channels) {
    reject(x, fmt::format("[…, {}]", channels));
  }
}

void Module::reject(const mx::array& x, const std::string& expected) const {
  throw Error(fmt::format(
      "{}: the input is [{}], expected {}",
      path(),
      fmt::join(x.shape().begin(), x.shape().end(), ", "),
      expected));
}

} // namespace mflux::nn
