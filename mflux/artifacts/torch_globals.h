#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mflux/artifacts/dtype.h"

namespace mflux::artifacts {

/// Throws Error, which names it and says what to save instead, unless `global` is one that a
/// torch.save of plain tensors refers to.
void check_torch_global(const std::string& global);

/// The element type of "torch.FloatStorage"; nothing for torch.storage.UntypedStorage, whose
/// tensors say theirs. Throws Error on other names.
std::optional<Dtype> dtype_of_storage(std::string_view global);

/// "torch.bfloat16" and the like. Throws Error on element types that Dtype has not, and on other
/// names.
Dtype torch_dtype(std::string_view global);

/// Whether `global` is a torch.dtype, be it one that Dtype has or not.
bool is_torch_dtype(std::string_view global);

} // namespace mflux::artifacts
