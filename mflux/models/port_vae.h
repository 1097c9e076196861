#pragma once

#include <memory>
#include <vector>

#include "mflux/capture/tensors.h"
#include "mflux/models/port_inputs.h"
#include "mflux/pipelines/image_array.h"
#include "mflux/vae/kl/autoencoder.h"

namespace mflux::models {

// The components vae.decode, vae.encode and vae.roundtrip of any kl::AutoencoderKL and what is
// derived from it.

/// Refuses pictures whose widest layer alone would not fit into memory. Throws Error.
void check_memory(const kl::VaeConfig& vae, double batch, double height, double width);

/// The same for a [batch, …, height, width] whose elements are `pixels` wide and high.
void check_sides(const capture::Found& input, const kl::VaeConfig& vae, int pixels);

/// Throws Error when a PNG is asked for and the result will not be one RGB image.
void check_picture(
    const PortRequest& request, const kl::VaeConfig& vae, const capture::Found& input);

/// The header of a decode's or encode's input, checked. Throws Error.
capture::Found find_latents(const PortRequest& request, const kl::VaeConfig& vae);
capture::Found find_image(const PortRequest& request, const kl::VaeConfig& vae);

/// Throws Error unless the request's image can go through the autoencoder and back.
void check_roundtrip(const PortRequest& request, const kl::VaeConfig& vae);

/// An autoencoder loaded by `load`(folder, dtype, taps), the request's observer at its taps.
template <auto load>
struct WatchedVae {
  explicit WatchedVae(const PortRequest& request)
      : taps(std::make_shared<capture::Taps>("vae")),
        vae(load(component_folder(request.model, "vae"), request.dtype, taps)),
        watch(*taps, request.observer) {}

  std::shared_ptr<capture::Taps> taps;
  decltype(load({}, mx::float32, nullptr)) vae;
  capture::Watch watch;
};

template <auto load>
PortResult run_decode(const PortRequest& request) {
  const WatchedVae<load> run(request);
  const auto input = find_latents(request, run.vae.config);
  const auto decoded = run.vae.decode(capture::channels_last(read_input(request, input)));
  return {
      .outputs = {{"vae.decode", capture::channels_first(decoded)}},
      .picture = to_unit_range(decoded)};
}

template <auto load>
PortResult run_encode(const PortRequest& request) {
  const WatchedVae<load> run(request);
  const auto input = find_image(request, run.vae.config);
  const auto mean = run.vae.encode(capture::channels_last(read_input(request, input)));
  return {.outputs = {{"vae.encode", capture::channels_first(mean)}}, .picture = {}};
}

template <auto load>
PortResult run_roundtrip(const PortRequest& request) {
  const WatchedVae<load> run(request);
  check_roundtrip(request, run.vae.config);
  const auto mean = run.vae.encode(mx::astype(to_array(*request.image), request.dtype));
  const auto decoded = run.vae.decode(mean);
  return {
      .outputs =
          {{"vae.encode", capture::channels_first(mean)},
           {"vae.decode", capture::channels_first(decoded)}},
      .picture = to_unit_range(decoded)};
}

/// vae.decode, vae.encode, vae.roundtrip.
template <auto load>
std::vector<Component> vae_components() {
  return {
      {.name = "vae.decode",
       .inputs = "vae.decode.in [batch, channels, height, width]",
       .gives_picture = true,
       .run = run_decode<load>},
      {.name = "vae.encode",
       .inputs = "vae.encode.in [batch, channels, height, width] in [-1, 1]",
       .run = run_encode<load>},
      {.name = "vae.roundtrip",
       .inputs = "a PNG",
       .starts_from_pixels = true,
       .gives_picture = true,
       .run = run_roundtrip<load>}};
}

} // namespace mflux::models
