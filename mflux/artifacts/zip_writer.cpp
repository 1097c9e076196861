#include "mflux/artifacts/zip_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "mflux/artifacts/crc.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr uint64_t kIn64 = 0xffffffff;
constexpr uint16_t kVersion = 45; ///< zip64
constexpr uint16_t kHasDescriptor = 1 << 3, kUtf8 = 1 << 11;
constexpr uint32_t kDate = 0x00210000; ///< 1980-01-01: archives are reproducible

/// Deflate can grow what it cannot shrink: near the limit zip64 is decided before packing.
bool needs_64(uint64_t size) {
  return size >= kIn64 - (kIn64 >> 10);
}

uint32_t in_32(uint64_t value) {
  return static_cast<uint32_t>(std::min(value, kIn64));
}

/// zlib's deflate as a stream of chunks.
class Deflater {
 public:
  explicit Deflater(std::function<void(Bytes)> take) : take_(std::move(take)), out_(1 << 18) {
    constexpr int kMemory = 8;
    if (deflateInit2(
            &stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, kMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw Error("zlib could not be started: out of memory");
    }
  }

  ~Deflater() {
    deflateEnd(&stream_);
  }

  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void write(Bytes bytes) {
    constexpr size_t kChunk = size_t{1} << 30;
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kChunk))) {
      feed(bytes.first(std::min(bytes.size(), kChunk)), Z_NO_FLUSH);
    }
  }

  void finish() {
    feed({}, Z_FINISH);
  }

 private:
  void feed(Bytes bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      ::deflate(&stream_, flush);
      take_(Bytes(out_).first(out_.size() - stream_.avail_out));
    } while (stream_.avail_out == 0);
  }

  std::function<void(Bytes)> take_;
  std::vector<std::byte> out_;
  z_stream stream_{};
};

} // namespace

void ZipWriter::write(std::string_view text) {
  file_.write(text);
  position_ += text.size();
}

void ZipWriter::write_local_header(const Member& member) {
  const bool wide = needs_64(member.size);
  std::string out;
  append(out, uint32_t{0x04034b50});
  append(out, kVersion);
  append(out, static_cast<uint16_t>(kUtf8 | (member.deflated ? kHasDescriptor : 0)));
  append(out, static_cast<uint16_t>(member.deflated ? 8 : 0));
  append(out, kDate);
  append(out, member.crc);
  append(out, wide ? in_32(kIn64) : in_32(member.packed_size));
  append(out, wide || !member.deflated ? in_32(wide ? kIn64 : member.size) : 0u);
  append(out, static_cast<uint16_t>(member.name.size()));
  append(out, static_cast<uint16_t>(wide ? 20 : 0));
  out += member.name;
  if (wide) {
    append(out, uint16_t{1});
    append(out, uint16_t{16});
    append(out, member.deflated ? uint64_t{0} : member.size);
    append(out, member.packed_size);
  }
  write(out);
}

void ZipWriter::store(Member& member, const Source& source) {
  source([&](Bytes chunk) { member.crc = update_crc(member.crc, chunk); });
  member.packed_size = member.size;
  write_local_header(member);
  source([&](Bytes chunk) { write(as_text(chunk)); });
}

void ZipWriter::deflate(Member& member, const Source& source) {
  write_local_header(member);
  const uint64_t begin = position_;
  Deflater deflater([&](Bytes packed) { write(as_text(packed)); });
  source([&](Bytes chunk) {
    member.crc = update_crc(member.crc, chunk);
    deflater.write(chunk);
  });
  deflater.finish();
  member.packed_size = position_ - begin;
  std::string descriptor;
  append(descriptor, uint32_t{0x08074b50});
  append(descriptor, member.crc);
  if (needs_64(member.size)) {
    append(descriptor, member.packed_size);
    append(descriptor, member.size);
  } else {
    append(descriptor, in_32(member.packed_size));
    append(descriptor, in_32(member.size));
  }
  write(descriptor);
}

void ZipWriter::check_name(const std::string& name) {
  if (name.size() > 0xffff) {
    throw Error(fmt::format("a name of {} bytes is too long for a zip archive", name.size()));
  }
}

void ZipWriter::add(const std::string& name, uint64_t size, bool deflated, const Source& source) {
  Member member{name, deflated, 0, 0, size, position_};
  if (deflated) {
    deflate(member, source);
  } else {
    store(member, source);
  }
  members_.push_back(std::move(member));
}

void ZipWriter::finish() {
  const uint64_t begin = position_;
  for (const auto& member : members_) {
    std::string wide;
    for (const uint64_t value : {member.size, member.packed_size, member.offset}) {
      if (value >= kIn64) {
        append(wide, value);
      }
    }
    std::string out;
    append(out, uint32_t{0x02014b50});
    append(out, static_cast<uint16_t>(3 << 8 | kVersion)); // Unix
    append(out, kVersion);
    append(out, static_cast<uint16_t>(kUtf8 | (member.deflated ? kHasDescriptor : 0)));
    append(out, static_cast<uint16_t>(member.deflated ? 8 : 0));
    append(out, kDate);
    append(out, member.crc);
    append(out, in_32(member.packed_size));
    append(out, in_32(member.size));
    append(out, static_cast<uint16_t>(member.name.size()));
    append(out, static_cast<uint16_t>(wide.empty() ? 0 : wide.size() + 4));
    out.append(6, '\0'); // comment, disk, internal attributes
    append(out, uint32_t{0600} << 16);
    append(out, in_32(member.offset));
    out += member.name;
    if (!wide.empty()) {
      append(out, uint16_t{1});
      append(out, static_cast<uint16_t>(wide.size()));
      out += wide;
    }
    write(out);
  }
  const uint64_t end = position_, count = members_.size();
  std::string out;
  if (begin >= kIn64 || end - begin >= kIn64 || count >= 0xffff) {
    append(out, uint32_t{0x06064b50});
    append(out, uint64_t{44});
    append(out, kVersion);
    append(out, kVersion);
    append(out, uint64_t{0}); // disks
    append(out, count);
    append(out, count);
    append(out, end - begin);
    append(out, begin);
    append(out, uint32_t{0x07064b50});
    append(out, uint32_t{0});
    append(out, end);
    append(out, uint32_t{1});
  }
  append(out, uint32_t{0x06054b50});
  append(out, uint32_t{0}); // disks
  append(out, static_cast<uint16_t>(std::min<uint64_t>(count, 0xffff)));
  append(out, static_cast<uint16_t>(std::min<uint64_t>(count, 0xffff)));
  append(out, in_32(end - begin));
  append(out, in_32(begin));
  append(out, uint16_t{0});
  write(out);
}

} // namespace mflux::artifacts
