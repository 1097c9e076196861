#include "mflux/pipelines/noise.h"

namespace mflux::pipelines {

mx::array draw_noise(uint64_t seed, const mx::Shape& shape) {
  return mx::random::normal(shape, mx::float32, mx::random::key(seed));
}

} // namespace mflux::pipelines
