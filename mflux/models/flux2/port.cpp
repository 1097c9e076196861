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
#include "mflux/models/flux2/port_scheduler.h"
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

[[noreturn]] void refuse(const capture::Found& input, const std::string& expected) {
  throw Error(fmt::format(
      "{}: {} is {}, expected {}",
      input.file.string(),
      input.name,
      artifacts::to_string(input.shape),
      expected));
}

/// One axis as the reference orders and a person calls it; of a certain extent unless that is 0.
struct Axis {
  std::string name;
  int64_t extent = 0;
};

/// The first of `names`, its header checked; values are not read.
capture::Found find_input(
    const PortRequest& request,
    const std::vector<std::string>& names,
    const std::vector<Axis>& axes) {
  const auto input = request.inputs->find(names);
  std::vector<std::string> expected;
  bool is_right = input.shape.size() == axes.size();
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto& [name, extent] = axes[i];
    expected.push_back(extent ? fmt::format("{}", extent) : name);
    is_right = is_right && input.shape[i] > 0 && (extent == 0 || input.shape[i] == extent);
  }
  if (!is_right) {
    refuse(input, fmt::format("[{}]", fmt::join(expected, ", ")));
  }
  if (!artifacts::is_floating(input.dtype)) {
    throw Error(fmt::format(
        "{}: {} is of {}, expected floating-point numbers",
        input.file.string(),
        input.name,
        artifacts::name_of(input.dtype)));
  }
  return input;
}

/// The input as an array of the run's type, its axes as in the reference.
mx::array read_input(const PortRequest& request, const capture::Found& input) {
  return with_context(fmt::format("{}: {}", input.file.string(), input.name), [&] {
    const mx::array x = mflux::to_array(request.inputs->require({input.name}));
    if (!mx::all(mx::isfinite(x)).item<bool>()) {
      throw Error("holds NaN or infinity");
    }
    return mx::astype(x, request.dtype);
  });
}

/// Refuses pictures whose widest layer alone would not fit into memory.
void check_memory(const VaeConfig& config, double batch, double height, double width) {
  const int widest =
      std::max(config.decoder().block_out_channels.front(), config.block_out_channels.front());
  const double bytes = 4.0 * batch * height * width * widest * 3;
  if (const auto there = static_cast<double>(physical_memory()); bytes > there) {
    throw Error(fmt::format(
        "{} image(s) of {} × {} pixels need about {:.1f} GB and this machine has {:.1f} GB",
        batch,
        width,
        height,
        bytes / 1e9,
        there / 1e9));
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

struct Grid {
  int h, w;
};

/// Rows and columns of tokens: from the run's picture size, else a square.
Grid grid_of(const capture::Inputs& inputs, const capture::Found& input, int pixels_per_token) {
  const int64_t tokens = input.shape[1], most = kLongestSide / pixels_per_token;
  JsonReader run(inputs.run(), "the manifest's run");
  const auto height = run.maybe<int>("height"), width = run.maybe<int>("width");
  if (height && width) {
    const Grid grid{*height / pixels_per_token, *width / pixels_per_token};
    if (grid.h < 1 || grid.w < 1 || grid.h > most || grid.w > most ||
        int64_t{grid.h} * grid.w != tokens) {
      refuse(
          input,
          fmt::format(
              "{} × {} tokens for the run's {} × {} pixels", grid.w, grid.h, *width, *height));
    }
    return grid;
  }
  const auto side = std::llround(std::sqrt(static_cast<double>(tokens)));
  if (side > most || side * side != tokens) {
    refuse(
        input,
        fmt::format(
            "a square of at most {0} × {0} tokens, for no manifest says the picture's height and "
            "width",
            most));
  }
  return {static_cast<int>(side), static_cast<int>(side)};
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
  const Grid grid = grid_of(*request.inputs, input, pixels);
  with_context(input.file.string(), [&] {
    check_memory(config, static_cast<double>(input.shape[0]), grid.h * pixels, grid.w * pixels);
  });
  check_picture(request, config, input);
  const auto result = decode_tokens(run.vae, read_input(request, input), grid.h, grid.w, *run.taps);
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
          scheduler_component(),
      }};
}

} // namespace mflux::flux2
