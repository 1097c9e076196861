#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mflux/image/pixels.h"

namespace mflux {

/// Keys and UTF-8 texts of a PNG, in the file's order.
using PngTexts = std::vector<std::pair<std::string, std::string>>;

/// Reads a PNG of any kind as 8-bit RGB: palettes and grey are spread, 16 bits cut to 8, alpha
/// dropped. Throws Error (not a PNG, damaged, cut off, too large).
Image read_png(const std::filesystem::path& path);

/// The texts stored in a PNG, which is read whole. Throws Error as read_png() does.
PngTexts read_png_texts(const std::filesystem::path& path);

/// The bytes of an RGB PNG; texts as tEXt, or as iTXt what is not ASCII. Throws Error.
std::string encode_png(const Image& image, const PngTexts& texts = {});

/// Writes them, atomically. Throws Error.
void write_png(const std::filesystem::path& path, const Image& image, const PngTexts& texts = {});

} // namespace mflux
