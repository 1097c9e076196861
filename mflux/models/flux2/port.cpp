#include "mflux/models/flux2/port.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "mflux/base/error.h"
#include "mflux/base/memory.h"
#include "mflux/capture/tensors.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/vae/flux2/autoencoder.h"
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
        vae(load_autoencoder(component_folder(request.model), request.dtype, taps)),
        watch(*taps, request.observer) {}

  static std::filesystem::path component_folder(const std::filesystem::path& model) {
    return std::filesystem::exists(model / "vae") ? model / "vae" : model;
  }

  std::shared_ptr<capture::Taps> taps;
  AutoencoderKLFlux2 vae;
  capture::Watch watch;
};

/// The input as a floating-point array of the run's type, its axes as in the reference.
mx::array read_input(const PortRequest& request, const std::vector<std::string>& names, int axes) {
  const mx::array x = mflux::to_array(request.inputs->require(names));
  if (static_cast<int>(x.ndim()) != axes || x.size() == 0 ||
      !mx::issubdtype(x.dtype(), mx::floating)) {
    throw Error(fmt::format(
        "{} is [{}], expected {} axes of floating-point numbers, none empty",
        names.front(),
        fmt::join(x.shape().begin(), x.shape().end(), ", "),
        axes));
  }
  if (!mx::all(mx::isfinite(x)).item<bool>()) {
    throw Error(fmt::format("{} holds NaN or infinity", names.front()));
  }
  return mx::astype(x, request.dtype);
}

/// Refuses pictures whose widest layer alone would not fit into memory.
void check_memory(const VaeConfig& config, int64_t batch, int64_t height, int64_t width) {
  const auto widest = config.decoder().block_out_channels.front();
  const double bytes = 4.0 * static_cast<double>(batch * height) * static_cast<double>(width) *
                       std::max(widest, config.block_out_channels.front()) * 3;
  const auto there = static_cast<double>(physical_memory());
  if (height > kLongestSide || width > kLongestSide || bytes > there) {
    throw Error(fmt::format(
        "{} image(s) of {} × {} pixels need about {:.1f} GB and this machine has {:.1f} GB",
        batch,
        width,
        height,
        bytes / 1e9,
        there / 1e9));
  }
}

void check_picture(const PortRequest& request, const VaeConfig& config, int batch) {
  if (request.wants_picture && (batch != 1 || config.out_channels != 3)) {
    throw Error(fmt::format(
        "{} image(s) of {} channels cannot be one PNG, expected 1 of 3",
        batch,
        config.out_channels));
  }
}

PortResult run_decode(const PortRequest& request) {
  const Watched run(request);
  const auto z = read_input(request, {"vae.decode.in", "vae.decode.in.z"}, 4);
  const int64_t scale = run.vae.config.scale();
  check_memory(run.vae.config, z.shape(0), z.shape(2) * scale, z.shape(3) * scale);
  check_picture(request, run.vae.config, z.shape(0));
  const auto decoded = run.vae.decode(channels_last(z));
  return {.outputs = {{"vae.decode", channels_first(decoded)}}, .picture = to_unit_range(decoded)};
}

PortResult run_encode(const PortRequest& request) {
  const Watched run(request);
  const auto x = read_input(request, {"vae.encode.in", "vae.encode.in.x"}, 4);
  check_memory(run.vae.config, x.shape(0), x.shape(2), x.shape(3));
  const auto mean = run.vae.encode(channels_last(x));
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

struct Grid {
  int h, w;
};

/// Rows and columns of tokens: from the run's picture size, else a square.
Grid grid_of(const capture::Inputs& inputs, int tokens, int pixels_per_token) {
  JsonReader run(inputs.run(), "the manifest's run");
  const auto height = run.maybe<int>("height"), width = run.maybe<int>("width");
  if (height && width) {
    const Grid grid{*height / pixels_per_token, *width / pixels_per_token};
    if (int64_t{grid.h} * grid.w != tokens) {
      throw Error(fmt::format(
          "{} tokens do not fill the run's {} × {} pixels, expected {} × {}",
          tokens,
          *width,
          *height,
          grid.w,
          grid.h));
    }
    return grid;
  }
  const int side = static_cast<int>(std::lround(std::sqrt(tokens)));
  if (side * side != tokens) {
    throw Error(fmt::format(
        "{} tokens are no square, and no manifest says the picture's height and width", tokens));
  }
  return {side, side};
}

PortResult run_latents(const PortRequest& request) {
  const Watched run(request);
  const auto last = request.inputs->last_step("latents");
  const auto tokens = read_input(request, {last.value_or("latents_packed")}, 3);
  const int pixels = kPatch * run.vae.config.scale();
  const auto [h, w] = grid_of(*request.inputs, tokens.shape(1), pixels);
  check_memory(run.vae.config, tokens.shape(0), int64_t{h} * pixels, int64_t{w} * pixels);
  check_picture(request, run.vae.config, tokens.shape(0));
  const auto result = decode_tokens(run.vae, tokens, h, w, *run.taps);
  return {
      .outputs =
          {{"decoded", channels_first(result.decoded)}, {"image", channels_first(result.image)}},
      .picture = result.image};
}

} // namespace

models::Port klein_port() {
  return {
      .name = "flux2-klein",
      .components = {
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
      }};
}

} // namespace mflux::flux2
