#include "mflux/models/port_vae.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/weights/device.h"

namespace mflux::models {

void check_memory(const kl::VaeConfig& vae, double batch, double height, double width) {
  const int widest =
      std::max(vae.encoder().block_out_channels.front(), vae.decoder().block_out_channels.front());
  const double bytes = 4.0 * batch * height * width * widest * 3;
  if (const auto there = device_memory(); bytes > there.bytes) {
    throw Error(fmt::format(
        "{} image(s) of {} × {} pixels need about {:.1f} GB and {} has {:.1f} GB",
        batch,
        width,
        height,
        bytes / 1e9,
        there.owner,
        there.bytes / 1e9));
  }
}

void check_sides(const capture::Found& input, const kl::VaeConfig& vae, int pixels) {
  const int64_t height = input.shape[2], width = input.shape[3], most = kLongestSide / pixels;
  if (std::max(height, width) > most) {
    refuse(input, fmt::format("a height and width of at most {} ({} pixels)", most, most * pixels));
  }
  with_context(input.file.string(), [&] {
    check_memory(
        vae,
        static_cast<double>(input.shape[0]),
        static_cast<double>(height * pixels),
        static_cast<double>(width * pixels));
  });
}

void check_picture(
    const PortRequest& request, const kl::VaeConfig& vae, const capture::Found& input) {
  if (request.wants_picture && (input.shape[0] != 1 || vae.out_channels != 3)) {
    throw Error(fmt::format(
        "{}: {} image(s) of {} channels cannot be one PNG, expected 1 of 3",
        input.file.string(),
        input.shape[0],
        vae.out_channels));
  }
}

capture::Found find_latents(const PortRequest& request, const kl::VaeConfig& vae) {
  auto input = find_input(
      request,
      {"vae.decode.in", "vae.decode.in.z"},
      {{"batch"}, {"channels", vae.latent_channels}, {"height"}, {"width"}});
  check_sides(input, vae, vae.scale());
  check_picture(request, vae, input);
  return input;
}

capture::Found find_image(const PortRequest& request, const kl::VaeConfig& vae) {
  auto input = find_input(
      request,
      {"vae.encode.in", "vae.encode.in.x"},
      {{"batch"}, {"channels", vae.in_channels}, {"height"}, {"width"}});
  if (std::min(input.shape[2], input.shape[3]) < vae.scale()) {
    refuse(input, fmt::format("a height and width of at least {}", vae.scale()));
  }
  check_sides(input, vae, 1);
  return input;
}

void check_roundtrip(const PortRequest& request, const kl::VaeConfig& vae) {
  const auto& image = *request.image;
  if (image.width % vae.scale() != 0 || image.height % vae.scale() != 0 || vae.in_channels != 3 ||
      vae.out_channels != 3) {
    throw Error(fmt::format(
        "the image is {} × {} pixels, expected multiples of {} (and a model of RGB images)",
        image.width,
        image.height,
        vae.scale()));
  }
  check_memory(vae, 1, image.height, image.width);
}

} // namespace mflux::models
