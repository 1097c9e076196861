#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "cli/generate_flags.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::cli {

/// Splits PATH[:STRENGTH]. What is a file as it stands has no strength; else what follows the last
/// colon must be a number from 0 to 1. Throws Error.
std::pair<std::filesystem::path, std::optional<double>> split_strength(const std::string& text);

/// Reads the prompt, pictures and noise that the flags name. The seed is left to the caller. Throws
/// Error for what cannot be read, a prompt that is not UTF-8, and noise that holds NaN.
pipelines::Request read_request(const GenerateFlags& flags);

} // namespace mflux::cli
