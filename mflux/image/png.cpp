#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/image/decoded.h"

namespace mflux {
namespace {

/// Whether every chunk lies within the file up to the last one's end. libpng fills as much memory
/// with zeros as a text's chunk claims, up to 2 GiB, before it reads the first byte.
bool has_whole_chunks(std::string_view file) {
  constexpr size_t kSignature = 8, kAround = 12; // length, type and checksum
  const auto byte = [&](size_t at) { return uint32_t{static_cast<unsigned char>(file[at])}; };
  for (size_t at = kSignature; file.size() - at >= kAround;) {
    const uint32_t size = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (size > file.size() - at - kAround) {
      return false;
    }
    if (file.substr(at + 4, 4) == "IEND") {
      return true;
    }
    at += kAround + size;
  }
  return false;
}

/// Reads with libpng's classic interface: the simplified one applies gamma, which Pillow, the
/// reference's reader, does not. libpng leaves its calls by longjmp, so the functions that set the
/// jump hold nothing that has a destructor.
class Reader {
 public:
  explicit Reader(std::string_view file) : rest_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw std::bad_alloc();
    }
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX); // kLongestSide says it better
  }

  ~Reader() {
    png_destroy_read_struct(&png_, &info_, nullptr);
  }

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Each is false when the file is damaged; message() says how.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_))) {
      return false;
    }
    png_read_info(png_, info_);
    return true;
  }

  bool read_pixels(png_bytep* rows) {
    if (setjmp(png_jmpbuf(png_))) {
      return false;
    }
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    return true;
  }

  /// Asks for 8-bit RGB; true when that could be set up and rows are that long.
  bool ask_for_rgb() {
    if (setjmp(png_jmpbuf(png_))) {
      return false;
    }
    png_set_expand(png_);
    png_set_strip_16(png_); // the high byte, as Pillow takes it
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return png_get_rowbytes(png_, info_) == size_t{3} * width();
  }

  /// Asks for all that is stored, at 8 or 16 bits.
  bool ask_for_samples() {
    if (setjmp(png_jmpbuf(png_))) {
      return false;
    }
    png_set_expand(png_);
    if constexpr (std::endian::native == std::endian::little) {
      png_set_swap(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return row_bytes() == samples().channels * size_t{width()} * (samples().bits / 8);
  }

  /// Once they were asked for.
  SampleShape samples() const {
    return {
        static_cast<int>(width()),
        static_cast<int>(height()),
        png_get_channels(png_, info_),
        png_get_bit_depth(png_, info_)};
  }

  size_t row_bytes() const {
    return png_get_rowbytes(png_, info_);
  }

  uint32_t width() const {
    return png_get_image_width(png_, info_);
  }

  uint32_t height() const {
    return png_get_image_height(png_, info_);
  }

  PngTexts texts() const;

  /// What an eXIf chunk holds.
  std::string exif() const {
    png_uint_32 size = 0;
    png_bytep bytes = nullptr;
    if (!png_get_eXIf_1(png_, info_, &size, &bytes)) {
      return {};
    }
    return {reinterpret_cast<const char*>(bytes), size};
  }

  const char* message() const {
    return message_;
  }

 private:
  static Reader& self(png_voidp pointer) {
    return *static_cast<Reader*>(pointer);
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    std::snprintf(self(png_get_error_ptr(png)).message_, sizeof message_, "%s", text);
    png_longjmp(png, 1);
  }

  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep out, size_t size) {
    auto& rest = self(png_get_io_ptr(png)).rest_;
    if (size > rest.size()) {
      png_error(png, "it was cut off");
    }
    std::memcpy(out, rest.data(), size);
    rest.remove_prefix(size);
  }

  std::string_view rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[128] = "unknown damage";
};

/// Latin-1 as UTF-8.
std::string to_utf8(std::string_view latin1) {
  std::string text;
  for (const char c : latin1) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return text;
}

PngTexts Reader::texts() const {
  png_textp first = nullptr;
  const int count = png_get_text(png_, info_, &first, nullptr);
  PngTexts texts;
  for (const auto* text = first; text != first + count; ++text) {
    const bool is_utf8 = text->compression >= PNG_ITXT_COMPRESSION_NONE;
    const std::string value(text->text, is_utf8 ? text->itxt_length : text->text_length);
    texts.emplace_back(to_utf8(text->key), is_utf8 ? value : to_utf8(value));
  }
  return texts;
}

std::string find_text(const PngTexts& texts, std::string_view key) {
  for (const auto& [name, text] : texts) {
    if (name == key) {
      return text;
    }
  }
  return {};
}

/// The profile that ImageMagick stores as text: three lines of head, then hexadecimal digits.
std::string from_raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(end + 1);
  }
  std::string digits, bytes;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](unsigned char c) {
    return std::isxdigit(c) != 0;
  });
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

void check(const Reader& reader, bool success, const std::string& name) {
  if (!success) {
    throw Error(fmt::format("{} is no readable PNG: {}", name, reader.message()));
  }
}

/// A file of which the head is read and makes sense: deflate shrinks nothing more than 1032 times,
/// so that a few bytes cannot claim gigabytes.
void read_head(Reader& reader, std::string_view file, const std::string& name) {
  constexpr size_t kMostShrunk = 1032;
  if (looks_like_png(file) && !has_whole_chunks(file)) {
    throw Error(fmt::format("{} is no readable PNG: it was cut off", name));
  }
  check(reader, reader.read_header(), name);
  check_picture_size(name, reader.width(), reader.height());
  if (reader.row_bytes() * reader.height() / kMostShrunk > file.size()) {
    throw Error(fmt::format(
        "{} is no readable PNG: {} bytes cannot hold {} × {} pixels",
        name,
        file.size(),
        reader.width(),
        reader.height()));
  }
}

/// Rows of row_bytes() each.
void read_rows(Reader& reader, uint8_t* first, const std::string& name) {
  std::vector<png_bytep> rows(reader.height());
  for (size_t y = 0; y < rows.size(); ++y) {
    rows[y] = first + reader.row_bytes() * y;
  }
  check(reader, reader.read_pixels(rows.data()), name);
}

} // namespace

void check_picture_size(const std::string& name, uint32_t width, uint32_t height) {
  if (width > kLongestSide || height > kLongestSide || int64_t{width} * height > kMostPixels) {
    throw Error(fmt::format(
        "{} is {} × {} pixels, expected sides of at most {} and {} pixels in all",
        name,
        width,
        height,
        kLongestSide,
        kMostPixels));
  }
}

bool looks_like_png(std::string_view file) {
  return file.starts_with("\x89PNG\r\n\x1a\n");
}

SampleShape png_samples(std::string_view file, const std::string& name) {
  Reader reader(file);
  read_head(reader, file, name);
  check(reader, reader.ask_for_samples(), name);
  return reader.samples();
}

std::vector<std::byte> decode_png_samples(std::string_view file, const std::string& name) {
  Reader reader(file);
  read_head(reader, file, name);
  check(reader, reader.ask_for_samples(), name);
  std::vector<std::byte> samples(reader.row_bytes() * reader.height());
  read_rows(reader, reinterpret_cast<uint8_t*>(samples.data()), name);
  return samples;
}

Decoded decode_png(std::string_view file, const std::string& name) {
  Reader reader(file);
  read_head(reader, file, name);
  check(reader, reader.ask_for_rgb(), name);
  Decoded decoded;
  decoded.image = {static_cast<int>(reader.width()), static_cast<int>(reader.height()), {}};
  decoded.image.rgb.resize(reader.row_bytes() * reader.height());
  read_rows(reader, decoded.image.rgb.data(), name);
  decoded.texts = reader.texts();
  decoded.exif = reader.exif();
  if (decoded.exif.empty()) {
    decoded.exif = from_raw_profile(find_text(decoded.texts, "Raw profile type exif"));
  }
  decoded.xmp = find_text(decoded.texts, "XML:com.adobe.xmp");
  return decoded;
}

Image read_png(const std::filesystem::path& path) {
  return decode_png(read_file(path, kLargestImageFile), path.string()).image;
}

PngTexts read_png_texts(const std::filesystem::path& path) {
  return decode_png(read_file(path, kLargestImageFile), path.string()).texts;
}

} // namespace mflux
