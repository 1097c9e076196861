#include "mflux/models/flux2/port.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "mflux/base/error.h"
#include "mflux/capture/tensors.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/models/flux2/port_inputs.h"
#include "mflux/models/flux2/port_scheduler.h"
#include "mflux/models/flux2/port_text_encoder.h"
#include "mflux/models/flux2/port_transformer.h"
#include "mflux/models/flux2/port_weights.h"
#include "mflux/pipelines/image_array.h"
#include "mflux/vae/flux2/autoencoder.h"
#include "mflux/weights/device.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

using capture::channels_first;
using capture::channels_last;
using models::PortRequest;
using models::PortResult;

/// A loaded autoencoder with the request's observer at its taps.
struct Watched {
  explicit Watched(const PortRequest& request)
      : taps(std::make_shared<capture::Taps>("vae")),
        vae(load_autoencoder(component_folder(request.model, "vae"), request.dtype, taps)),
        watch(*taps, request.observer) {}

  std::shared_ptr<capture::Taps> taps;
  AutoencoderKLFlux2 vae;
  capture::Watch watch;
};

/// Refuses pictures whose widest layer alone would not fit into memory.
void check_memory(const VaeConfig& config, double batch, double height, double width) {
  const int widest =
      std::max(config.decoder().block_out_channels.front(), config.block_out_channels.front());
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

/// The same for a [batch, …, height, width] whose elements are `pixels` wide and high.
void check_sides(const capture::Found& input, const VaeConfig& config, int pixels) {
  const int64_t height = input.shape[2], width = input.shape[3], most = kLongestSide / pixels;
  if (std::max(height, width) > most) {
    refuse(input, fmt::format("a height and width of at most {} ({} pixels)", most, most * pixels));
  }
  with_context(input.file.string(), [&] {
    check_memory(
        config,
        static_cast<double>(input.shape[0]),
        static_cast<double>(height * pixels),
        static_cast<double>(width * pixels));
  });
}

void check_picture(
    const PortRequest& request, const VaeConfig& config, const capture::Found& input) {
  if (request.wants_picture && (input.shape[0] != 1 || config.out_channels != 3)) {
    throw Error(fmt::format(
        "{}: {} image(s) of {} channels cannot be one PNG, expected 1 of 3",
        input.file.string(),
        input.shape[0],
        config.out_channels));
  }
}

PortResult run_decode(const PortRequest& request) {
  const Watched run(request);
  const auto& config = run.vae.config;
  const auto input = find_input(
      request,
      {"vae.decode.in", "vae.decode.in.z"},
      {{"batch"}, {"channels", config.latent_channels}, {"height"}, {"width"}});
  check_sides(input, config, config.scale());
  check_picture(request, config, input);
  const auto decoded = run.vae.decode(channels_last(read_input(request, input)));
  return {.outputs = {{"vae.decode", channels_first(decoded)}}, .picture = to_unit_range(decoded)};
}

PortResult run_encode(const PortRequest& request) {
  const Watched run(request);
  const auto& config = run.vae.config;
  const auto input = find_input(
      request,
      {"vae.encode.in", "vae.encode.in.x"},
      {{"batch"}, {"channels", config.in_channels}, {"height"}, {"width"}});
  if (std::min(input.shape[2], input.shape[3]) < config.scale()) {
    refuse(input, fmt::format("a height and width of at least {}", config.scale()));
  }
  check_sides(input, config, 1);
  const auto mean = run.vae.encode(channels_last(read_input(request, input)));
  return {.outputs = {{"vae.encode", channels_first(mean)}}, .picture = {}};
}

PortResult run_roundtrip(const PortRequest& request) {
  const Watched run(request);
  const auto& image = *request.image;
  const int scale = run.vae.config.scale();
  if (image.width % scale != 0 || image.height % scale != 0 || run.vae.config.in_channels != 3 ||
      run.vae.config.out_channels != 3) {
    throw Error(fmt::format(
        "the image is {} × {} pixels, expected multiples of {} (and a model of RGB images)",
        image.width,
        image.height,
        scale));
  }
  check_memory(run.vae.config, 1, image.height, image.width);
  const auto mean = run.vae.encode(mx::astype(to_array(image), request.dtype));
  const auto decoded = run.vae.decode(mean);
  return {
      .outputs = {{"vae.encode", channels_first(mean)}, {"vae.decode", channels_first(decoded)}},
      .picture = to_unit_range(decoded)};
}

/// The last step's latents. Latents "as packed" are an encoded image's, but in a dump of a
/// denoising loop they are the noise that it began with.
std::string tokens_name(const capture::Inputs& inputs) {
  if (const auto last = inputs.last_step("latents")) {
    return *last;
  }
  if (inputs.has("latents_initial") || inputs.has("sigmas") || inputs.last_step("noise_pred")) {
    throw Error(
        "the inputs hold no latents@step=K; latents_packed is the noise that the run began with");
  }
  return "latents_packed";
}

PortResult run_latents(const PortRequest& request) {
  const Watched run(request);
  const auto& config = run.vae.config;
  const int pixels = kPatch * config.scale();
  const auto input = find_input(
      request,
      {tokens_name(*request.inputs)},
      {{"batch"}, {"tokens"}, {"channels", int64_t{kPatch} * kPatch * config.latent_channels}});
  const TokenGrid grid = grid_of(*request.inputs, input, pixels);
  with_context(input.file.string(), [&] {
    check_memory(
        config, static_cast<double>(input.shape[0]), grid.rows * pixels, grid.columns * pixels);
  });
  check_picture(request, config, input);
  const auto result =
      decode_tokens(run.vae, read_input(request, input), grid.rows, grid.columns, *run.taps);
  return {
      .outputs =
          {{"decoded", channels_first(result.decoded)}, {"image", channels_first(result.image)}},
      .picture = result.image};
}

} // namespace

models::Port klein_port() {
  return {
      .name = "flux2-klein",
      .components =
          {
              {.name = "vae.decode",
               .inputs = "vae.decode.in [batch, channels, height, width]",
               .gives_picture = true,
               .run = run_decode},
              {.name = "vae.encode",
               .inputs = "vae.encode.in [batch, channels, height, width] in [-1, 1]",
               .run = run_encode},
              {.name = "vae.roundtrip",
               .inputs = "a PNG",
               .starts_from_pixels = true,
               .gives_picture = true,
               .run = run_roundtrip},
              {.name = "latents.decode",
               .inputs = "latents@step=K (the last) or latents_packed [batch, tokens, channels]",
               .gives_picture = true,
               .run = run_latents},
              text_encoder_component(),
              transformer_component(),
              scheduler_component(),
          },
      .weights = klein_weights()};
}

} // namespace mflux::flux2
