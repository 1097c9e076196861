#pragma once

#include "mflux/models/flux2/model_folder.h"
#include "mflux/models/flux2/token_grid.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::flux2 {

/// A plan's sizes, of the picture and of the text. Throws Error for pictures and sizes that the
/// model cannot honour.
pipelines::Plan plan_sizes(const ModelFolder& model, const pipelines::Request& request);

/// The rest, but memory and what only the tokenizer knows. Throws Error: steps, sigmas, guidance,
/// strength and latents that the model cannot honour.
void plan_steps(const ModelFolder& model, const pipelines::Request& request, pipelines::Plan& plan);

/// The steps that will be done, for a picture of the plan's size.
Schedule schedule_for(
    const ModelFolder& model, const pipelines::Request& request, const pipelines::Plan& plan);

/// Tokens of a picture of the plan's size.
TokenGrid token_grid(const ModelFolder& model, const pipelines::Plan& plan);

} // namespace mflux::flux2
