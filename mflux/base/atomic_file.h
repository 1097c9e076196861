#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mflux/base/temporary_path.h"

namespace mflux {

/// A file that appears under its name whole or not at all: written under a temporary name in the
/// same folder, synced, then renamed by commit(). Without commit() the destructor removes it and an
/// older file of that name stays. A link is followed: what it names is replaced. Throws Error when
/// anything cannot be written (folder missing, disk full, the name is a folder, device or pipe).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();
  /// The same, but an existing file of that name stays: then nothing is done and the answer is
  /// false.
  bool commit_new();

 private:
  void sync();
  void finish();

  std::filesystem::path path_;
  std::optional<TemporaryPath> temporary_; ///< until commit()
  int descriptor_ = -1;
};

/// Writes all of `text` to `path`, atomically.
void write_file(const std::filesystem::path& path, std::string_view text);

/// The whole of a small file. Throws Error if it cannot be read or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, size_t limit = size_t{64} << 20);

} // namespace mflux
