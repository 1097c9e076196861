#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/bytes.h"

namespace mflux::artifacts {

/// Whether `file` begins as safetensors do: a plausible header length, then '{'.
bool looks_like_safetensors(Bytes file);

/// One .safetensors file, checked as the reference does: header of at most 100 MB, tensors that
/// cover the rest of the file without gap or overlap. Throws Error.
std::unique_ptr<Artifact> open_safetensors(std::shared_ptr<const Storage> storage);

/// The format's name of a dtype: "F32", "BF16", "F8_E4M3". Throws Error for complex128, which it
/// lacks.
std::string_view safetensors_name(Dtype dtype);

/// Where the reference's writer sorts a dtype: higher ranks come first, widest elements first.
int safetensors_rank(Dtype dtype);

} // namespace mflux::artifacts
