#pragma once

#include <filesystem>

#include "mflux/models/flux2/model_folder.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::flux2 {

/// FLUX.2-klein, from a prompt to pixels: text to image, edit with reference pictures and, which
/// the reference has not, image to image. Reference: diffusers Flux2KleinPipeline.
class Flux2KleinPipeline : public pipelines::Pipeline {
 public:
  /// Reads configs and headers. Weights will be `dtype`. Throws Error.
  Flux2KleinPipeline(const std::filesystem::path& folder, mx::Dtype dtype);

  pipelines::Plan plan(const pipelines::Request& request) const override;
  Image generate(const pipelines::Request& request, const pipelines::Callbacks& callbacks) override;

 private:
  ModelFolder model_;
  mx::Dtype dtype_;
};

} // namespace mflux::flux2
