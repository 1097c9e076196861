#pragma once

#include "mflux/artifacts/pickle.h"
#include "mflux/artifacts/torch_tensors.h"

namespace mflux::artifacts {

/// The tensor, without its name, that a call of torch's rebuilding functions stands for
/// (_rebuild_tensor, _v2, _v3, _rebuild_parameter, _rebuild_parameter_with_state,
/// _rebuild_from_type_v2 of plain tensors). Throws Error on other calls, on arguments that do not
/// fit, and on a view that reaches outside the storage that the pickle claims.
TorchTensor torch_view(const Pickle& pickle, PickleValue call);

} // namespace mflux::artifacts
