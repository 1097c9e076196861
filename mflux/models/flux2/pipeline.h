#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "mflux/models/flux2/components.h"
#include "mflux/models/flux2/prompt.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::flux2 {

/// FLUX.2-klein, from a prompt to pixels: text to image, edit with reference pictures and, which
/// the reference has not, image to image. Reference: diffusers Flux2KleinPipeline; for image to
/// image the schedule's start and the mixture with noise are ZImageImg2ImgPipeline's, on the mean
/// of the picture's latents.
///
/// Checkpoints, in order: latents_initial, input_ids, attention_mask, prompt_embeds,
/// negative_prompt_embeds, image_latents, latents_packed, those of pipelines::denoise() with
/// noise_pred_cond and noise_pred_uncond, and those of decode_tokens(); among them the modules'.
/// Embeddings are kept for the next run of the same prompt, unless an observer watches.
class Flux2KleinPipeline : public pipelines::Pipeline {
 public:
  /// Reads configs and headers. Weights will be `dtype`. Throws Error.
  Flux2KleinPipeline(const std::filesystem::path& folder, mx::Dtype dtype);

  pipelines::Plan plan(const pipelines::Request& request) const override;
  Image generate(const pipelines::Request& request, const pipelines::Callbacks& callbacks) override;

 private:
  Image draw(const pipelines::Request& request, const pipelines::Callbacks& callbacks);

  /// Text as every evaluation takes it.
  struct Text {
    mx::array embeds;
    Positions positions;
  };
  /// What is evaluated at every step besides the latents.
  struct Conditions {
    Text text;
    std::optional<Text> negative;
    std::optional<mx::array> references; ///< tokens that follow the latents'
    Positions image;
    double guidance;
  };

  Text encode(const std::string& prompt, const pipelines::Plan& plan, PromptUse use);
  mx::array start_latents(
      const pipelines::Request& request,
      const pipelines::Plan& plan,
      const mx::array& noise,
      double sigma) const;
  Conditions conditions(
      const pipelines::Request& request,
      const pipelines::Plan& plan,
      Text text,
      std::optional<Text> negative) const;
  mx::array predict(
      const Conditions& given, const mx::array& latents, const mx::array& timestep) const;
  mx::array evaluate(
      const Conditions& given,
      const Text& text,
      const mx::array& latents,
      const mx::array& sigma) const;
  Image picture(const mx::array& latents, const TokenGrid& grid) const;
  void check_memory(const pipelines::Plan& plan, double weights) const;

  ModelFolder model_;
  mx::Dtype dtype_;
  capture::Taps taps_;
  Components parts_;
  WeightBytes weights_;
  std::map<std::pair<std::string, int>, mx::array> embeds_; ///< by prompt and length
};

} // namespace mflux::flux2
