#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "mflux/parity/dumps/dump.h"

namespace mflux::parity {

/// Where a picture was found: a PNG or JPEG, or a tensor like `image` and `decoded`.
struct FoundPicture {
  std::string where; ///< "ref/image.png", "dump.npz#decoded"
  artifacts::Tensor tensor;
  artifacts::PictureKind kind = artifacts::PictureKind::none;
};

/// The checkpoint `name` of a file or folder. Without a name the one of its pictures, else its one
/// tensor, else `image`, else `decoded`. Throws Error when there is none, or several pictures of
/// which none is called image.png.
FoundPicture find_picture(
    const std::filesystem::path& path, const std::optional<std::string>& name);

} // namespace mflux::parity
