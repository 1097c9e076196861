#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mflux/artifacts/bytes.h"
#include "mflux/base/atomic_file.h"

namespace mflux::artifacts {

/// Writes a zip archive from front to back.
class ZipWriter {
 public:
  /// Gives a member's bytes, piece by piece, to the function it is called with; the same each time.
  using Source = std::function<void(const std::function<void(Bytes)>&)>;

  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  /// Throws Error for a name that no member can have: over 65535 bytes.
  static void check_name(const std::string& name);

  /// Adds a member of `size` bytes. Stored members are read twice (their checksum stands before
  /// them), deflated ones once. `name` has passed check_name().
  void add(const std::string& name, uint64_t size, bool deflated, const Source& source);

  /// Writes the directory. To be called once, last.
  void finish();

 private:
  struct Member {
    std::string name;
    bool deflated = false;
    uint32_t crc = 0;
    uint64_t packed_size = 0, size = 0, offset = 0;
  };

  void write(std::string_view text);
  void write_local_header(const Member& member);
  void store(Member& member, const Source& source);
  void deflate(Member& member, const Source& source);

  AtomicFile& file_;
  uint64_t position_ = 0;
  std::vector<Member> members_;
};

} // namespace mflux::artifacts
