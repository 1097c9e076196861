#include "mflux/models/flux2/pipeline.h"

#include <fmt/format.h>

#include <utility>

#include "mflux/base/error.h"
#include "mflux/capture/tensors.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/models/flux2/pictures.h"
#include "mflux/models/flux2/plan.h"
#include "mflux/models/flux2/references.h"
#include "mflux/pipelines/denoise.h"
#include "mflux/pipelines/image_array.h"
#include "mflux/pipelines/noise.h"
#include "mflux/vae/flux2/latents.h"
#include "mflux/weights/device.h"

namespace mflux::flux2 {

using capture::Axes;
using pipelines::Callbacks;
using pipelines::Plan;
using pipelines::Request;
using pipelines::Stage;

namespace {

/// [1, channels, h, w] → tokens [1, h·w, channels].
mx::array packed(const mx::array& latents) {
  return pack(capture::channels_last(latents));
}

mx::array first_tokens(const mx::array& tokens, int count) {
  return tokens.shape(1) == count ? tokens : mx::split(tokens, mx::Shape{count}, 1)[0];
}

void tell(const Callbacks& callbacks, Stage stage) {
  if (callbacks.progress) {
    callbacks.progress({.stage = stage});
  }
}

void check_length(int tokens, int most) {
  if (tokens > most) {
    throw Error(fmt::format(
        "the maximal sequence length is {}, expected at most {}, the text encoder's "
        "max_position_embeddings",
        tokens,
        most));
  }
}

/// Tokens of all reference pictures.
double reference_tokens(const ModelFolder& model, const Request& request) {
  const int unit = model.pixels_per_token();
  double tokens = 0;
  for (size_t i = 0; i < request.references.size(); ++i) {
    const auto size = reference_size(request.references[i], unit, i + 1);
    tokens += static_cast<double>(size.width / unit) * (size.height / unit);
  }
  return tokens;
}

} // namespace

Flux2KleinPipeline::Flux2KleinPipeline(const std::filesystem::path& folder, mx::Dtype dtype)
    : model_(read_model_folder(folder)),
      dtype_(dtype),
      parts_(open_components(model_, dtype, taps_)),
      weights_(weight_bytes(parts_, dtype)) {}

Plan Flux2KleinPipeline::plan(const Request& request) const {
  Plan plan = plan_sizes(model_, request);
  check_length(plan.max_sequence_length, parts_.text_encoder.config.max_position_embeddings);
  const auto grid = token_grid(model_, plan);
  const double all_tokens = static_cast<double>(grid.rows) * grid.columns +
                            reference_tokens(model_, request) + plan.max_sequence_length;
  const double pixels = static_cast<double>(plan.width) * plan.height;
  const double weights = weights_.peak(request.frees_text_encoder);
  plan.bytes = weights + activation_bytes(parts_, dtype_, all_tokens, pixels);
  check_memory(plan, weights);
  plan_steps(model_, request, plan);
  const auto tokens = prompt_tokens(parts_.tokenizer, request.prompt, plan.max_sequence_length);
  if (tokens.dropped > 0) {
    plan.remarks.push_back(fmt::format(
        "the prompt has {} tokens more than the {} that the model takes: its end was dropped, and "
        "that of the chat template",
        tokens.dropped,
        plan.max_sequence_length));
  }
  return plan;
}

void Flux2KleinPipeline::check_memory(const Plan& plan, double weights) const {
  const auto there = device_memory();
  if (plan.bytes > there.bytes) {
    throw Error(fmt::format(
        "a picture of {} × {} pixels needs about {:.1f} GB, {:.1f} of it for weights, and "
        "{} has {:.1f} GB: ask for a smaller one",
        plan.width,
        plan.height,
        plan.bytes / 1e9,
        weights / 1e9,
        there.owner,
        there.bytes / 1e9));
  }
}

Image Flux2KleinPipeline::generate(const Request& request, const Callbacks& callbacks) {
  try {
    return draw(request, callbacks);
  } catch (const pipelines::NotFinite& error) {
    if (const auto weight = find_nonfinite_weight(model_)) {
      throw Error(fmt::format("{}; {}", error.what(), *weight));
    }
    throw;
  }
}

Image Flux2KleinPipeline::draw(const Request& request, const Callbacks& callbacks) {
  const Plan plan = this->plan(request);
  const auto schedule = schedule_for(model_, request, plan);
  const auto grid = token_grid(model_, plan);
  const capture::Watch watch(taps_, callbacks.observer);

  const auto drawn = request.latents
                         ? *request.latents
                         : pipelines::draw_noise(
                               request.seed, {1, model_.token_channels(), grid.rows, grid.columns});
  const auto noise = taps_.record("latents_initial", mx::astype(drawn, dtype_), Axes::as_is);
  pipelines::check_finite(noise, "latents_initial");
  auto text = encode(request.prompt, plan, PromptUse::positive);
  auto negative =
      plan.is_guided
          ? std::optional(encode(request.negative_prompt.value_or(""), plan, PromptUse::negative))
          : std::nullopt;
  if (request.frees_text_encoder) {
    parts_.text_encoder = open_text_encoder(model_, dtype_, taps_);
    mx::clear_cache();
  }
  tell(callbacks, Stage::encode);

  const auto start = start_latents(request, plan, noise, schedule.sigmas.front());
  const auto given = conditions(request, plan, std::move(text), std::move(negative));
  const auto latents = pipelines::denoise(
      start,
      {.schedule = schedule,
       .callbacks = callbacks,
       .taps = taps_,
       .predict = [&](const mx::array& now,
                      const mx::array& timestep) { return predict(given, now, timestep); },
       .picture =
           [&](const mx::array& now) {
             taps_.watch(nullptr); // a preview is no checkpoint
             auto shown = picture(now, grid);
             taps_.watch(callbacks.observer);
             return shown;
           }});
  auto image = picture(latents, grid);
  tell(callbacks, Stage::decode);
  return image;
}

Flux2KleinPipeline::Text Flux2KleinPipeline::encode(
    const std::string& prompt, const Plan& plan, PromptUse use) {
  const auto positions =
      parts_.transformer.pos_embed.prepare(text_ids(1, plan.max_sequence_length));
  const std::pair key{prompt, plan.max_sequence_length};
  if (const auto known = embeds_.find(key); known != embeds_.end() && !taps_.is_watched()) {
    return {.embeds = known->second, .positions = positions};
  }
  const auto embeds = encode_prompt(parts_, prompt, plan.max_sequence_length, use, taps_);
  if (!taps_.is_watched()) {
    embeds_.insert_or_assign(key, embeds);
  }
  return {.embeds = embeds, .positions = positions};
}

mx::array Flux2KleinPipeline::start_latents(
    const Request& request, const Plan& plan, const mx::array& noise, double sigma) const {
  auto latents = packed(noise);
  if (request.start) {
    const auto image =
        encode_start(parts_, request.start->image, plan.width, plan.height, dtype_, taps_);
    latents = pipelines::scale_noise(image, latents, sigma);
  }
  return taps_.record("latents_packed", latents, Axes::as_is);
}

Flux2KleinPipeline::Conditions Flux2KleinPipeline::conditions(
    const Request& request, const Plan& plan, Text text, std::optional<Text> negative) const {
  const auto& pos_embed = parts_.transformer.pos_embed;
  auto ids = image_ids(1, token_grid(model_, plan));
  std::optional<mx::array> references;
  if (!request.references.empty()) {
    const auto encoded = encode_references(parts_, request.references, dtype_, taps_);
    references = encoded.tokens;
    ids = mx::concatenate({ids, reference_ids(1, encoded.grids)}, 1);
  }
  return {
      .text = std::move(text),
      .negative = std::move(negative),
      .references = references,
      .image = pos_embed.prepare(ids),
      .guidance = plan.guidance};
}

mx::array Flux2KleinPipeline::predict(
    const Conditions& given, const mx::array& latents, const mx::array& timestep) const {
  const auto sigma = mx::divide(timestep, mx::array(1000.0f, timestep.dtype()));
  const auto conditioned = evaluate(given, given.text, latents, sigma);
  if (!given.negative) {
    return conditioned;
  }
  const auto cond = taps_.record("noise_pred_cond", conditioned, Axes::as_is);
  const auto uncond = taps_.record(
      "noise_pred_uncond", evaluate(given, *given.negative, latents, sigma), Axes::as_is);
  return pipelines::guide(cond, uncond, given.guidance);
}

mx::array Flux2KleinPipeline::evaluate(
    const Conditions& given,
    const Text& text,
    const mx::array& latents,
    const mx::array& sigma) const {
  const auto all = given.references ? mx::concatenate({latents, *given.references}, 1) : latents;
  const auto predicted = parts_.transformer(
      {.hidden_states = all,
       .encoder_hidden_states = text.embeds,
       .timestep = sigma,
       .img = given.image,
       .txt = text.positions});
  return first_tokens(predicted, latents.shape(1));
}

Image Flux2KleinPipeline::picture(const mx::array& latents, const TokenGrid& grid) const {
  const auto result = decode_tokens(parts_.vae, latents, grid.rows, grid.columns, taps_);
  pipelines::check_finite(result.decoded, "decoded");
  return to_image(result.image);
}

} // namespace mflux::flux2
