#include <fmt/format.h>

#include "mflux/parity/metrics/metrics.h"
#include "mflux/vae/flux2/autoencoder.h"

int main() {
  const auto ones = mflux::artifacts::make_tensor(
      mflux::artifacts::Dtype::uint8, {2}, {std::byte{1}, std::byte{1}});
  const auto schema = mflux::schema_of<mflux::flux2::AutoencoderKLFlux2>(mflux::flux2::VaeConfig{});
  fmt::print(
      "consumer: {} unequal, {} tensors\n",
      mflux::parity::measure(ones, ones, {}).unequal,
      schema.size());
}
