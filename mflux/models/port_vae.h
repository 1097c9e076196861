#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "mflux/capture/tensors.h"
#include "mflux/models/port_inputs.h"
#include "mflux/pipelines/image_array.h"

namespace mflux::models {

// The components vae.decode, vae.encode and vae.roundtrip of any autoencoder that has encode(),
// decode() and a config of channels and scale().

/// What a component reads of an autoencoder's config.
struct VaeShape {
  int in_channels, out_channels, latent_channels;
  int scale;  ///< image pixels per latent pixel, along a side
  int widest; ///< channels of the widest layer at the picture's full size
};

template <typename Config>
VaeShape shape_of(const Config& config) {
  return {
      .in_channels = config.in_channels,
      .out_channels = config.out_channels,
      .latent_channels = config.latent_channels,
      .scale = config.scale(),
      .widest = std::max(
          config.decoder().block_out_channels.front(),
          config.encoder().block_out_channels.front())};
}

/// Refuses pictures whose widest layer alone would not fit into memory. Throws Error.
void check_memory(const VaeShape& vae, double batch, double height, double width);

/// The same for a [batch, …, height, width] whose elements are `pixels` wide and high.
void check_sides(const capture::Found& input, const VaeShape& vae, int pixels);

/// Throws Error when a PNG is asked for and the result will not be one RGB image.
void check_picture(const PortRequest& request, const VaeShape& vae, const capture::Found& input);

/// The header of a decode's or encode's input, checked. Throws Error.
capture::Found find_latents(const PortRequest& request, const VaeShape& vae);
capture::Found find_image(const PortRequest& request, const VaeShape& vae);

/// Throws Error unless the request's image can go through the autoencoder and back.
void check_roundtrip(const PortRequest& request, const VaeShape& vae);

/// An autoencoder loaded by `load`(folder, dtype, taps), the request's observer at its taps.
template <auto load>
struct WatchedVae {
  explicit WatchedVae(const PortRequest& request)
      : taps(std::make_shared<capture::Taps>("vae")),
        vae(load(component_folder(request.model, "vae"), request.dtype, taps)),
        watch(*taps, request.observer) {}

  VaeShape shape() const {
    return shape_of(vae.config);
  }

  std::shared_ptr<capture::Taps> taps;
  decltype(load({}, mx::float32, nullptr)) vae;
  capture::Watch watch;
};

template <auto load>
PortResult run_decode(const PortRequest& request) {
  const WatchedVae<load> run(request);
  const auto input = find_latents(request, run.shape());
  const auto decoded = run.vae.decode(capture::channels_last(read_input(request, input)));
  return {
      .outputs = {{"vae.decode", capture::channels_first(decoded)}},
      .picture = to_unit_range(decoded)};
}

template <auto load>
PortResult run_encode(const PortRequest& request) {
  const WatchedVae<load> run(request);
  const auto input = find_image(request, run.shape());
  const auto mean = run.vae.encode(capture::channels_last(read_input(request, input)));
  return {.outputs = {{"vae.encode", capture::channels_first(mean)}}, .picture = {}};
}

template <auto load>
PortResult run_roundtrip(const PortRequest& request) {
  const WatchedVae<load> run(request);
  check_roundtrip(request, run.shape());
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
