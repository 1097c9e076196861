#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "mflux/artifacts/artifact.h"

namespace mflux::artifacts {

/// Whether a file's name ends in .png, .jpg or .jpeg, in any case.
bool has_picture_name(std::string_view file);

/// A PNG or JPEG as the one tensor [height, width, channels], uint8 or uint16 (PNGs of 16 bits),
/// named like the file: "image.png". Channels: grey, grey and alpha, RGB, RGBA; see
/// image/decoded.h. JPEGs are RGB, as Pillow's convert("RGB") gives them. The pixels are read by
/// load(), every time. Throws Error (damaged, cut off, too large).
std::unique_ptr<Artifact> open_picture(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage);

} // namespace mflux::artifacts
