#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <new>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/image/png.h"

namespace mflux {
namespace {

/// libpng leaves its calls by longjmp, so write() holds nothing that has a destructor.
class Writer {
 public:
  Writer() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) {
      png_destroy_write_struct(&png_, &info_);
      throw std::bad_alloc();
    }
    png_set_write_fn(png_, this, on_write, nullptr);
  }

  ~Writer() {
    png_destroy_write_struct(&png_, &info_);
  }

  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// False when libpng refused; message() says why.
  bool write(const Image& image, const png_text* texts, int text_count) {
    if (setjmp(png_jmpbuf(png_))) {
      return false;
    }
    const auto width = static_cast<png_uint_32>(image.width);
    const auto height = static_cast<png_uint_32>(image.height);
    png_set_IHDR(
        png_,
        info_,
        width,
        height,
        8,
        PNG_COLOR_TYPE_RGB,
        PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT,
        PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png_, info_, PNG_sRGB_INTENT_PERCEPTUAL);
    png_set_text(png_, info_, texts, text_count);
    png_write_info(png_, info_);
    for (size_t y = 0; y < height; ++y) {
      png_write_row(png_, image.rgb.data() + 3 * y * width);
    }
    png_write_end(png_, info_);
    return true;
  }

  const std::string& bytes() const {
    return bytes_;
  }

  const char* message() const {
    return message_;
  }

 private:
  static Writer& self(png_voidp pointer) {
    return *static_cast<Writer*>(pointer);
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    std::snprintf(self(png_get_error_ptr(png)).message_, sizeof message_, "%s", text);
    png_longjmp(png, 1);
  }

  static void on_warning(png_structp, png_const_charp) {}

  /// No exception may pass through libpng's frames.
  static void on_write(png_structp png, png_bytep data, size_t size) {
    bool is_kept = true;
    try {
      self(png_get_io_ptr(png)).bytes_.append(reinterpret_cast<const char*>(data), size);
    } catch (const std::bad_alloc&) {
      is_kept = false;
    }
    if (!is_kept) {
      png_error(png, "out of memory");
    }
  }

  std::string bytes_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[128] = "unknown reason";
};

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

/// libpng's view of `texts`, which must outlive it.
std::vector<png_text> views_of(PngTexts& texts) {
  std::vector<png_text> views;
  for (auto& [key, text] : texts) {
    png_text view{};
    view.compression = is_ascii(text) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    view.key = key.data();
    view.text = text.data();
    views.push_back(view);
  }
  return views;
}

} // namespace

std::string encode_png(const Image& image, const PngTexts& texts) {
  for (const auto& [key, text] : texts) {
    if (text.find('\0') != std::string::npos) {
      throw Error(fmt::format("a PNG's text \"{}\" cannot hold a NUL character", key));
    }
  }
  PngTexts copy = texts; // libpng takes pointers to what is not const
  const auto views = views_of(copy);
  Writer writer;
  if (!writer.write(image, views.data(), static_cast<int>(views.size()))) {
    throw Error(fmt::format("cannot make a PNG: {}", writer.message()));
  }
  return writer.bytes();
}

void write_png(const std::filesystem::path& path, const Image& image, const PngTexts& texts) {
  write_file(path, encode_png(image, texts));
}

} // namespace mflux
