#include "mflux/artifacts/inflate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "mflux/artifacts/crc.h"
#include "mflux/artifacts/mapped_file.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr size_t kChunk = size_t{4} << 20;

/// zlib's inflate over a raw deflate stream that lies in memory.
class Inflater {
 public:
  explicit Inflater(Bytes packed) : packed_(packed) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) {
      throw Error("zlib could not be started: out of memory");
    }
  }

  ~Inflater() {
    inflateEnd(&stream_);
  }

  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` as far as the stream goes and returns the bytes written. Throws Error on corrupt
  /// data and when the packed bytes end inside the stream.
  size_t read(std::span<std::byte> out) {
    size_t written = 0;
    while (written < out.size() && !ended_) {
      if (stream_.avail_in == 0) {
        const Bytes next = packed_.first(std::min(packed_.size(), kChunk));
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(next.data()));
        stream_.avail_in = static_cast<uInt>(next.size());
        packed_ = packed_.subspan(next.size());
      }
      const size_t room = std::min(out.size() - written, kChunk);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + written);
      stream_.avail_out = static_cast<uInt>(room);
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      written += room - stream_.avail_out;
      ended_ = result == Z_STREAM_END;
      if (result != Z_OK && !ended_) {
        throw Error(
            result == Z_BUF_ERROR ? "its deflated data ends too soon"
                                  : "its deflated data is corrupt");
      }
    }
    return written;
  }

  /// Whether the stream has ended together with the packed bytes.
  bool finished() {
    std::byte extra;
    return read({&extra, 1}) == 0 && ended_ && stream_.avail_in == 0 && packed_.empty();
  }

 private:
  Bytes packed_;
  z_stream stream_{};
  bool ended_ = false;
};

void check(uint32_t seen, uint32_t expected) {
  if (seen != expected) {
    throw Error(fmt::format(
        "its checksum is {:08x}, the archive says {:08x}: the data is corrupt", seen, expected));
  }
}

/// A file without a name, gone when it is closed.
class TemporaryFile {
 public:
  TemporaryFile() {
    std::error_code failed;
    const auto folder = std::filesystem::temp_directory_path(failed);
    name_ = (folder / "mflux-XXXXXX").string();
    if (failed) {
      throw Error("no folder for temporary files: TMPDIR names none");
    }
    descriptor_ = mkostemp(name_.data(), O_CLOEXEC);
    if (descriptor_ < 0) {
      fail();
    }
    unlink(name_.c_str());
  }

  ~TemporaryFile() {
    close(descriptor_);
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) {
        fail();
      }
      bytes = bytes.subspan(static_cast<size_t>(std::max<ssize_t>(written, 0)));
    }
  }

  std::shared_ptr<const Storage> map() const {
    return map_descriptor(descriptor_, name_);
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(fmt::format(
        "cannot write the temporary file {} for inflated data: {} (TMPDIR chooses another place)",
        name_,
        std::strerror(errno)));
  }

  std::string name_;
  int descriptor_ = -1;
};

/// Inflates everything in chunks into `take`, checking size and checksum.
void inflate_to(
    Bytes packed,
    const ZipEntry& entry,
    const std::function<std::span<std::byte>(size_t)>& room,
    const std::function<void(Bytes)>& take) {
  Inflater inflater(packed);
  uint32_t crc = 0;
  for (uint64_t done = 0; done < entry.size;) {
    const auto out = room(std::min<uint64_t>(entry.size - done, kChunk));
    const size_t written = inflater.read(out);
    if (written < out.size()) {
      throw Error(
          fmt::format("inflates to {} bytes, the archive says {}", done + written, entry.size));
    }
    crc = update_crc(crc, out);
    take(out);
    done += written;
  }
  if (!inflater.finished()) {
    throw Error(fmt::format("does not end after the {} bytes the archive says", entry.size));
  }
  check(crc, entry.crc);
}

} // namespace

std::vector<std::byte> inflate_start(Bytes packed, size_t size) {
  std::vector<std::byte> out(size);
  out.resize(Inflater(packed).read(out));
  return out;
}

std::shared_ptr<const Storage> inflate(Bytes packed, const ZipEntry& entry, size_t max_in_memory) {
  if (entry.size <= max_in_memory) {
    std::vector<std::byte> bytes(entry.size);
    size_t done = 0;
    inflate_to(
        packed,
        entry,
        [&](size_t size) { return std::span(bytes).subspan(done, size); },
        [&](Bytes chunk) { done += chunk.size(); });
    return make_storage(std::move(bytes));
  }
  TemporaryFile file;
  std::vector<std::byte> buffer(std::min<uint64_t>(entry.size, kChunk));
  inflate_to(
      packed,
      entry,
      [&](size_t size) { return std::span(buffer).first(size); },
      [&](Bytes chunk) { file.write(chunk); });
  return file.map();
}

void check_crc(const Storage& storage, size_t begin, size_t end, uint32_t crc) {
  uint32_t seen = 0;
  for (size_t at = begin; at < end; at += kChunk) {
    const size_t size = std::min(kChunk, end - at);
    seen = update_crc(seen, storage.bytes().subspan(at, size));
    if (end - begin > kMaxInMemory) {
      storage.done_with(at, at + size);
    }
  }
  check(seen, crc);
}

} // namespace mflux::artifacts
