#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <new>
// libjpeg's header needs stdio's before it.
#include <jpeglib.h>

#include "mflux/base/error.h"
#include "mflux/base/log.h"
#include "mflux/image/decoded.h"

namespace mflux {
namespace {

/// A picture has tens of scans; each costs a pass over all of it.
constexpr int kMostScans = 500;

/// libjpeg leaves its calls by longjmp, so the functions that set the jump hold nothing that has a
/// destructor.
class Reader {
 public:
  explicit Reader(std::string_view file) {
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    source_.next_input_byte = reinterpret_cast<const JOCTET*>(file.data());
    source_.bytes_in_buffer = file.size();
    source_.init_source = [](j_decompress_ptr) {};
    source_.term_source = [](j_decompress_ptr) {};
    source_.fill_input_buffer = [](j_decompress_ptr jpeg) -> boolean { on_end(jpeg); };
    source_.skip_input_data = on_skip;
    source_.resync_to_restart = jpeg_resync_to_restart;
    progress_.progress_monitor = on_progress;
  }

  ~Reader() {
    jpeg_destroy_decompress(&jpeg_);
  }

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Each is false when the file is damaged; message() says how.
  bool read_header() {
    if (setjmp(jump_)) {
      return false;
    }
    jpeg_create_decompress(&jpeg_);
    jpeg_.src = &source_;
    jpeg_.progress = &progress_;
    jpeg_save_markers(&jpeg_, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&jpeg_, TRUE);
    return true;
  }

  /// Rows of width · channels() bytes, until the end mark.
  bool read_pixels(uint8_t* pixels) {
    if (setjmp(jump_)) {
      return false;
    }
    jpeg_.out_color_space = channels() == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&jpeg_);
    const size_t row = size_t{jpeg_.output_width} * static_cast<size_t>(channels());
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW at = pixels + row * jpeg_.output_scanline;
      jpeg_read_scanlines(&jpeg_, &at, 1);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  uint32_t width() const {
    return jpeg_.image_width;
  }

  uint32_t height() const {
    return jpeg_.image_height;
  }

  int components() const {
    return jpeg_.num_components;
  }

  /// Of the pixels that are read: RGB, or CMYK.
  int channels() const {
    return components() == 4 ? 4 : 3;
  }

  /// APP1 segments with this mark, joined, without it; gone once the pixels are read.
  std::string segments(std::string_view mark) const {
    std::string bytes;
    for (const auto* marker = jpeg_.marker_list; marker; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(mark)) {
        bytes += data.substr(mark.size());
      }
    }
    return bytes;
  }

  /// Whether libjpeg went on after damage.
  bool is_damaged() const {
    return is_damaged_;
  }

  const char* message() const {
    return message_;
  }

 private:
  static Reader& self(j_common_ptr jpeg) {
    return *static_cast<Reader*>(jpeg->client_data);
  }

  [[noreturn]] static void leave(j_common_ptr jpeg, const char* message) {
    auto& reader = self(jpeg);
    std::snprintf(reader.message_, sizeof message_, "%s", message);
    std::longjmp(reader.jump_, 1);
  }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    leave(jpeg, message);
  }

  /// Bytes between segments are harmless; other warnings mean lost pixels.
  static void on_message(j_common_ptr jpeg, int level) {
    constexpr std::string_view kHarmless = "extraneous bytes";
    auto& reader = self(jpeg);
    if (level >= 0 || reader.is_damaged_) {
      return;
    }
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    if (std::string_view(message).find(kHarmless) == std::string_view::npos) {
      std::snprintf(reader.message_, sizeof message_, "%s", message);
      reader.is_damaged_ = true;
    }
  }

  [[noreturn]] static void on_end(j_decompress_ptr jpeg) {
    leave(reinterpret_cast<j_common_ptr>(jpeg), "it was cut off");
  }

  static void on_skip(j_decompress_ptr jpeg, long count) {
    auto& source = self(reinterpret_cast<j_common_ptr>(jpeg)).source_;
    if (count > 0) {
      if (static_cast<size_t>(count) > source.bytes_in_buffer) {
        on_end(jpeg);
      }
      source.next_input_byte += count;
      source.bytes_in_buffer -= static_cast<size_t>(count);
    }
  }

  static void on_progress(j_common_ptr jpeg) {
    if (self(jpeg).jpeg_.input_scan_number > kMostScans) {
      leave(jpeg, "it has too many scans");
    }
  }

  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = "unknown damage";
  bool is_damaged_ = false;
};

/// a · b / 255, rounded as Pillow rounds it.
int times(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Adobe's CMYK, in which 255 is no ink, as Pillow makes it RGB.
std::vector<uint8_t> cmyk_to_rgb(const std::vector<uint8_t>& cmyk) {
  std::vector<uint8_t> rgb;
  rgb.reserve(cmyk.size() / 4 * 3);
  for (size_t i = 0; i + 3 < cmyk.size(); i += 4) {
    const int light = cmyk[i + 3];
    for (size_t channel = 0; channel < 3; ++channel) {
      rgb.push_back(static_cast<uint8_t>(light - times(255 - cmyk[i + channel], light)));
    }
  }
  return rgb;
}

void check(const Reader& reader, bool success, const std::string& name) {
  if (!success) {
    throw Error(fmt::format("{} is no readable JPEG: {}", name, reader.message()));
  }
}

void read_head(Reader& reader, const std::string& name) {
  check(reader, reader.read_header(), name);
  check_picture_size(name, reader.width(), reader.height());
  if (const int count = reader.components(); count != 1 && count != 3 && count != 4) {
    throw Error(fmt::format(
        "{} is a JPEG of {} components, expected 1, 3 or 4 (grey, colour, CMYK)", name, count));
  }
}

} // namespace

bool looks_like_jpeg(std::string_view file) {
  return file.starts_with("\xff\xd8\xff");
}

SampleShape jpeg_samples(std::string_view file, const std::string& name) {
  Reader reader(file);
  read_head(reader, name);
  return {static_cast<int>(reader.width()), static_cast<int>(reader.height()), 3, 8};
}

Decoded decode_jpeg(std::string_view file, const std::string& name) {
  Reader reader(file);
  read_head(reader, name);
  Decoded decoded;
  decoded.exif = reader.segments(std::string_view("Exif\0\0", 6));
  decoded.xmp = reader.segments(std::string_view("http://ns.adobe.com/xap/1.0/\0", 29));
  decoded.image = {static_cast<int>(reader.width()), static_cast<int>(reader.height()), {}};
  auto& pixels = decoded.image.rgb;
  pixels.resize(static_cast<size_t>(reader.channels()) * reader.width() * reader.height());
  check(reader, reader.read_pixels(pixels.data()), name);
  if (reader.is_damaged()) {
    log(LogLevel::warning,
        fmt::format("{} is damaged; what could be read is used: {}", name, reader.message()));
  }
  if (reader.channels() == 4) {
    pixels = cmyk_to_rgb(pixels);
  }
  return decoded;
}

} // namespace mflux
