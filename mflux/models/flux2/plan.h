#pragma once

#include "mflux/models/flux2/model_folder.h"
#include "mflux/models/flux2/token_grid.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::flux2 {

/// Everything of a plan but its memory and what only the tokenizer knows. Throws Error: sizes,
/// steps, sigmas, guidance, strength, latents and pictures that the model cannot honour.
pipelines::Plan plan_request(const ModelFolder& model, const pipelines::Request& request);

/// The steps that will be done, for a picture of the plan's size.
Schedule schedule_for(
    const ModelFolder& model, const pipelines::Request& request, const pipelines::Plan& plan);

/// Tokens of a picture of the plan's size.
TokenGrid token_grid(const ModelFolder& model, const pipelines::Plan& plan);

} // namespace mflux::flux2
