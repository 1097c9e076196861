#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/image/image.h"

namespace mflux {
namespace {

/// libpng's simplified interface for writing, released however the scope is left.
struct Png : png_image {
  Png() : png_image{} {
    version = PNG_IMAGE_VERSION;
  }
  ~Png() {
    png_image_free(this);
  }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
};

/// More than any compressed image of kLongestSide² that anybody means.
constexpr size_t kLargestFile = size_t{1} << 30;

/// Reads with libpng's classic interface: the simplified one applies gamma, which Pillow, the
/// reference's reader, does not. libpng leaves its calls by longjmp, so the functions that set the
/// jump hold nothing that has a destructor.
class Reader {
 public:
  explicit Reader(const std::string& file) : rest_(file) {
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
    png_read_end(png_, nullptr);
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

  uint32_t width() const {
    return png_get_image_width(png_, info_);
  }

  uint32_t height() const {
    return png_get_image_height(png_, info_);
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

} // namespace

Image read_png(const std::filesystem::path& path) {
  const std::string file = read_file(path, kLargestFile);
  Reader reader(file);
  const auto check = [&](bool success) {
    if (!success) {
      throw Error(fmt::format("{} is no readable PNG: {}", path.string(), reader.message()));
    }
  };
  check(reader.read_header());
  const uint32_t width = reader.width(), height = reader.height();
  if (width > kLongestSide || height > kLongestSide) {
    throw Error(fmt::format(
        "{} is {} × {} pixels, expected sides of at most {}",
        path.string(),
        width,
        height,
        kLongestSide));
  }
  check(reader.ask_for_rgb());
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(size_t{3} * width * height);
  std::vector<png_bytep> rows(height);
  for (size_t y = 0; y < height; ++y) {
    rows[y] = image.rgb.data() + 3 * y * width;
  }
  check(reader.read_pixels(rows.data()));
  return image;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  Png png;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr)) {
    throw Error(fmt::format("cannot make {}: {}", path.string(), png.message));
  }
  bytes.resize(size);
  write_file(path, bytes);
}

} // namespace mflux
