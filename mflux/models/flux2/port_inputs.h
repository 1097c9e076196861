#pragma once

#include "mflux/models/flux2/token_grid.h"
#include "mflux/models/port_inputs.h"

namespace mflux::flux2 {

using models::Axis;
using models::component_folder;
using models::find_input;
using models::read_input;
using models::refuse;

/// The grid that `input` [batch, tokens, …] is of: from the run's picture size, else a square.
TokenGrid grid_of(const capture::Inputs& inputs, const capture::Found& input, int pixels_per_token);

} // namespace mflux::flux2
