#include "mflux/artifacts/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "mflux/artifacts/names.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr uint32_t kEnd64Magic = 0x06064b50, kLocatorMagic = 0x07064b50;
constexpr uint32_t kDescriptorMagic = 0x08074b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56;
constexpr size_t kLocatorSize = 20;
constexpr uint16_t kHasDescriptor = 1 << 3;
constexpr uint16_t kUnreadable = 1 | 1 << 5 | 1 << 6 | 1 << 13; ///< encrypted in some way, patches
constexpr uint64_t kIn64 = 0xffffffff;                          ///< "see the zip64 field"

/// Reads little-endian fields one after another; leaving the archive is an error.
class Fields {
 public:
  Fields(Bytes file, uint64_t offset, uint64_t size, std::string_view what) : what_(what) {
    if (offset > file.size() || size > file.size() - offset) {
      throw Error(fmt::format(
          "the zip archive's {} should be at byte {}, the file has {}: it was cut off or altered",
          what,
          offset,
          file.size()));
    }
    bytes_ = file.subspan(offset, size);
  }

  template <typename T>
  T take() {
    return load<T>(take_bytes(sizeof(T)), 0);
  }

  Bytes take_bytes(size_t size) {
    if (size > bytes_.size()) {
      throw Error(fmt::format("the zip archive's {} is too short", what_));
    }
    const Bytes out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }

  bool empty() const {
    return bytes_.empty();
  }

 private:
  Bytes bytes_;
  std::string_view what_;
};

/// What a directory record and a local header both say.
struct Header {
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t packed_size = 0, size = 0;
  std::string name;
  bool is_64 = false;
};

struct Record : Header {
  uint64_t local_offset = 0;
};

struct Directory {
  uint64_t begin = 0, end = 0, count = 0;
};

/// Fills in the 64-bit values of those fields that say so.
void read_zip64(Bytes extra, Header& header, uint64_t* local_offset) {
  Fields blocks(extra, 0, extra.size(), "extra field");
  std::vector<uint64_t*> wanted;
  for (uint64_t* value : {&header.size, &header.packed_size, local_offset}) {
    if (value && *value == kIn64) {
      wanted.push_back(value);
    }
  }
  while (!blocks.empty()) {
    const auto id = blocks.take<uint16_t>();
    const Bytes block = blocks.take_bytes(blocks.take<uint16_t>());
    if (id != 1) {
      continue;
    }
    if (header.is_64) {
      throw Error(fmt::format("{}: two zip64 fields", header.name));
    }
    header.is_64 = true;
    Fields values(block, 0, block.size(), "zip64 field");
    for (uint64_t* value : wanted) {
      *value = values.take<uint64_t>();
    }
  }
}

std::string text(Bytes bytes) {
  return std::string(as_text(bytes));
}

Record read_record(Fields& fields) {
  if (fields.take<uint32_t>() != kCentralMagic) {
    throw Error("the zip archive's directory is corrupt: a record has another signature");
  }
  Record out;
  fields.take<uint32_t>(); // versions
  out.flags = fields.take<uint16_t>();
  out.method = fields.take<uint16_t>();
  fields.take<uint32_t>(); // time and date
  out.crc = fields.take<uint32_t>();
  out.packed_size = fields.take<uint32_t>();
  out.size = fields.take<uint32_t>();
  const auto name_size = fields.take<uint16_t>(), extra_size = fields.take<uint16_t>();
  const auto comment_size = fields.take<uint16_t>(), disk = fields.take<uint16_t>();
  fields.take<uint16_t>(); // attributes
  fields.take<uint32_t>();
  out.local_offset = fields.take<uint32_t>();
  out.name = text(fields.take_bytes(name_size));
  check_name(out.name);
  read_zip64(fields.take_bytes(extra_size), out, &out.local_offset);
  fields.take_bytes(comment_size);
  if (disk != 0 && disk != 0xffff) {
    throw Error(fmt::format("{}: the zip archive is split over several files", out.name));
  }
  return out;
}

Directory read_end64(Bytes file, uint64_t locator) {
  Fields place(file, locator, kLocatorSize, "zip64 locator");
  place.take<uint32_t>();
  place.take<uint32_t>();
  const auto offset = place.take<uint64_t>();
  Fields fields(file, offset, kEnd64Size, "zip64 end record");
  if (fields.take<uint32_t>() != kEnd64Magic) {
    throw Error("the zip archive's zip64 end record has another signature");
  }
  const auto rest = fields.take<uint64_t>();
  fields.take<uint32_t>(); // versions
  const auto disk = fields.take<uint32_t>(), first_disk = fields.take<uint32_t>();
  const auto here = fields.take<uint64_t>(), count = fields.take<uint64_t>();
  const auto size = fields.take<uint64_t>(), begin = fields.take<uint64_t>();
  if (disk != 0 || first_disk != 0 || here != count) {
    throw Error("the zip archive is split over several files: join them");
  }
  if (rest != locator - offset - 12 || begin > offset || size != offset - begin) {
    throw Error("the zip archive's zip64 end record does not fit its directory");
  }
  return {begin, offset, count};
}

Directory read_end(Bytes file) {
  // The end record is followed by a comment of at most 64 KiB that reaches the end of the file.
  const size_t last = file.size() - std::min(file.size(), kEndSize);
  const size_t first = last - std::min<size_t>(last, 0xffff);
  for (size_t at = last + 1; at-- > first && file.size() >= kEndSize;) {
    if (load<uint32_t>(file, at) != kEndMagic ||
        load<uint16_t>(file, at + 20) != file.size() - at - kEndSize) {
      continue;
    }
    if (at >= kLocatorSize && load<uint32_t>(file, at - kLocatorSize) == kLocatorMagic) {
      return read_end64(file, at - kLocatorSize);
    }
    Fields fields(file, at + 4, kEndSize - 4, "end record");
    const auto disk = fields.take<uint16_t>(), first_disk = fields.take<uint16_t>();
    const auto here = fields.take<uint16_t>(), count = fields.take<uint16_t>();
    const auto size = fields.take<uint32_t>(), begin = fields.take<uint32_t>();
    if (disk != 0 || first_disk != 0 || here != count) {
      throw Error("the zip archive is split over several files: join them");
    }
    if (begin > at || size != at - begin) {
      throw Error(fmt::format(
          "the zip archive's directory claims bytes {} to {}, its end record is at {}",
          begin,
          uint64_t{begin} + size,
          at));
    }
    return {begin, at, count};
  }
  throw Error("the zip archive has no end record: it was cut off");
}

Header read_local(Bytes file, const Record& record, uint64_t& data_offset) {
  Fields fields(file, record.local_offset, kLocalSize, "local header");
  if (fields.take<uint32_t>() != kLocalMagic) {
    throw Error(fmt::format("no local header at byte {}", record.local_offset));
  }
  Header out;
  fields.take<uint16_t>(); // version
  out.flags = fields.take<uint16_t>();
  out.method = fields.take<uint16_t>();
  fields.take<uint32_t>(); // time and date
  out.crc = fields.take<uint32_t>();
  out.packed_size = fields.take<uint32_t>();
  out.size = fields.take<uint32_t>();
  const auto name_size = fields.take<uint16_t>(), extra_size = fields.take<uint16_t>();
  const uint64_t tail = uint64_t{name_size} + extra_size;
  Fields rest(file, record.local_offset + kLocalSize, tail, "local header");
  out.name = text(rest.take_bytes(name_size));
  read_zip64(rest.take_bytes(extra_size), out, nullptr);
  data_offset = record.local_offset + kLocalSize + tail;
  return out;
}

/// Whether the data descriptor at `at` repeats the directory, in any of its four spellings.
/// Returns its size.
std::optional<size_t> descriptor_size(Bytes file, uint64_t at, uint64_t limit, const Record& r) {
  for (const size_t magic : {4, 0}) {
    for (const size_t width : {4, 8}) {
      const size_t size = magic + 4 + 2 * width;
      if (limit < at || limit - at < size ||
          (magic && load<uint32_t>(file, at) != kDescriptorMagic)) {
        continue;
      }
      const auto number = [&](uint64_t offset) {
        return width == 4 ? load<uint32_t>(file, offset) : load<uint64_t>(file, offset);
      };
      const uint64_t sizes = at + magic + 4;
      if (load<uint32_t>(file, at + magic) == r.crc && number(sizes) == r.packed_size &&
          number(sizes + width) == r.size) {
        return size;
      }
    }
  }
  return std::nullopt;
}

void check_kind(const Record& record) {
  if (record.flags & kUnreadable) {
    throw Error("is encrypted or a patch: save it plainly");
  }
  if (record.method != 0 && record.method != 8) {
    throw Error(fmt::format(
        "has compression method {}, expected 0 (stored) or 8 (deflated)", record.method));
  }
  if (record.method == 0 && record.packed_size != record.size) {
    throw Error(fmt::format(
        "is stored but claims {} bytes packed and {} unpacked", record.packed_size, record.size));
  }
  // A deflated byte cannot hold more than 1032.
  if (record.method == 8 && record.size / 1032 > record.packed_size) {
    throw Error(fmt::format(
        "claims {} bytes from {} packed ones, more than deflate can hold",
        record.size,
        record.packed_size));
  }
}

/// Checks one member; `end` becomes the end of its bytes in the archive.
ZipEntry read_member(Bytes file, const Record& record, uint64_t limit, uint64_t& end) {
  check_kind(record);
  ZipEntry out{record.name, record.method == 8, record.crc, record.packed_size, record.size, 0};
  const Header local = read_local(file, record, out.data_offset);
  if (out.data_offset > limit || record.packed_size > limit - out.data_offset) {
    throw Error(fmt::format(
        "claims {} bytes from byte {} on, the directory begins at {}",
        record.packed_size,
        out.data_offset,
        limit));
  }
  end = out.data_offset + record.packed_size;
  const bool described = local.flags & kHasDescriptor;
  const auto agrees = [&](uint64_t ours, uint64_t theirs) {
    return ours == theirs || (described && (ours == 0 || ours == kIn64));
  };
  if (local.name != record.name || (local.flags & kUnreadable) || local.method != record.method ||
      !(local.crc == record.crc || (described && local.crc == 0)) ||
      !agrees(local.size, record.size) || !agrees(local.packed_size, record.packed_size)) {
    throw Error("its local header contradicts the archive's directory");
  }
  if (described) {
    const auto size = descriptor_size(file, end, limit, record);
    if (!size) {
      throw Error("its data descriptor contradicts the archive's directory");
    }
    end += *size;
  }
  return out;
}

std::vector<Record> read_directory(Bytes file, const Directory& place) {
  if (place.count > (place.end - place.begin) / kCentralSize) {
    throw Error(fmt::format(
        "the zip archive claims {} members in a directory of {} bytes",
        place.count,
        place.end - place.begin));
  }
  Fields fields(file, place.begin, place.end - place.begin, "directory");
  std::vector<Record> out;
  std::unordered_set<std::string> names;
  for (uint64_t i = 0; i < place.count; ++i) {
    out.push_back(read_record(fields));
    if (!names.insert(out.back().name).second) {
      throw Error(fmt::format("two members are named {}", out.back().name));
    }
  }
  if (!fields.empty()) {
    throw Error(fmt::format("the zip archive's directory holds more than {} members", place.count));
  }
  return out;
}

} // namespace

bool looks_like_zip(Bytes file) {
  return file.size() >= 4 &&
         (load<uint32_t>(file, 0) == kLocalMagic || load<uint32_t>(file, 0) == kEndMagic);
}

std::vector<ZipEntry> read_zip(Bytes file) {
  const Directory place = read_end(file);
  std::vector<ZipEntry> out;
  std::vector<std::pair<uint64_t, uint64_t>> spans;
  for (const auto& record : read_directory(file, place)) {
    uint64_t end = 0;
    auto entry =
        with_context(record.name, [&] { return read_member(file, record, place.begin, end); });
    spans.emplace_back(record.local_offset, end);
    if (!record.name.ends_with('/')) {
      out.push_back(std::move(entry));
    } else if (record.size != 0) {
      throw Error(fmt::format("the folder {} of the zip archive holds data", record.name));
    }
  }
  std::sort(spans.begin(), spans.end());
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first < spans[i - 1].second) {
      throw Error(fmt::format("two members of the zip archive overlap at byte {}", spans[i].first));
    }
  }
  return out;
}

} // namespace mflux::artifacts
