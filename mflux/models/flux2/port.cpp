#include "mflux/models/flux2/port.h"

#include <utility>

#include "mflux/base/error.h"
#include "mflux/capture/tensors.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/models/flux2/port_inputs.h"
#include "mflux/models/flux2/port_scheduler.h"
#include "mflux/models/flux2/port_text_encoder.h"
#include "mflux/models/flux2/port_transformer.h"
#include "mflux/models/flux2/port_weights.h"
#include "mflux/models/port_vae.h"
#include "mflux/vae/flux2/autoencoder.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

using capture::channels_first;
using models::PortRequest;
using models::PortResult;

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
  const models::WatchedVae<load_autoencoder> run(request);
  const auto& config = run.vae.config;
  const int pixels = kPatch * config.scale();
  const auto input = find_input(
      request,
      {tokens_name(*request.inputs)},
      {{"batch"}, {"tokens"}, {"channels", int64_t{kPatch} * kPatch * config.latent_channels}});
  const TokenGrid grid = grid_of(*request.inputs, input, pixels);
  with_context(input.file.string(), [&] {
    models::check_memory(
        config, static_cast<double>(input.shape[0]), grid.rows * pixels, grid.columns * pixels);
  });
  models::check_picture(request, config, input);
  const auto result =
      decode_tokens(run.vae, read_input(request, input), grid.rows, grid.columns, *run.taps);
  return {
      .outputs =
          {{"decoded", channels_first(result.decoded)}, {"image", channels_first(result.image)}},
      .picture = result.image};
}

} // namespace

models::Port klein_port() {
  auto components = models::vae_components<load_autoencoder>();
  components.push_back(
      {.name = "latents.decode",
       .inputs = "latents@step=K (the last) or latents_packed [batch, tokens, channels]",
       .gives_picture = true,
       .run = run_latents});
  components.insert(
      components.end(), {text_encoder_component(), transformer_component(), scheduler_component()});
  return {.name = "flux2-klein", .components = std::move(components), .weights = klein_weights()};
}

} // namespace mflux::flux2
