// An application of its own: compares tensors, and draws a picture that must be the one in argv[2].
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "mflux/image/read_image.h"
#include "mflux/models/registry.h"
#include "mflux/parity/metrics/metrics.h"

int main(int, char** argv) {
  const auto ones = mflux::artifacts::make_tensor(
      mflux::artifacts::Dtype::uint8, {2}, {std::byte{1}, std::byte{1}});
  const auto unequal = mflux::parity::measure(ones, ones, {}).unequal;

  const auto model = mflux::models::open_pipeline(argv[1], mlx::core::float32);
  const auto picture = model->generate({.prompt = "red apple", .seed = 7}, {});
  const auto expected = mflux::read_image(argv[2]);
  int apart = picture.rgb.size() == expected.rgb.size() ? 0 : 255;
  for (size_t i = 0; apart < 255 && i < expected.rgb.size(); ++i) {
    apart = std::max(apart, std::abs(picture.rgb[i] - expected.rgb[i]));
  }
  fmt::print("consumer: {} unequal, pixels {} apart\n", unequal, apart);
}
