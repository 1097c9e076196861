#pragma once

#include <string>

#include "cli/generate_flags.h"
#include "mflux/base/json.h"
#include "mflux/image/png.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::cli {

/// The key of the PNG text that holds a picture's metadata as a JSON object.
inline constexpr const char* kMetadataKey = "mflux";

/// What a run resolved that no flag says.
struct Resolved {
  std::string model, dtype, device; ///< model: its name, or its folder's
};

/// All that makes a picture what it is: the same request gives the same bytes. Files are named
/// without their folders. The seed is null: the caller knows it.
Json metadata_of(
    const GenerateFlags& flags,
    const pipelines::Request& request,
    const pipelines::Plan& plan,
    const Resolved& resolved);

/// The texts to store: the JSON object, and the same in the line that other tools read.
PngTexts texts_of(const Json& metadata);

} // namespace mflux::cli
