#include "mflux/base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "mflux/base/error.h"

namespace mflux {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int code) {
  throw Error(fmt::format("cannot write {}: {}", path.string(), std::strerror(code)));
}

/// The permissions a plain open() would have given; mkstemp's 0600 would surprise other readers.
mode_t default_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

/// What is to be replaced: `path`, or what it links to.
std::filesystem::path target_of(std::filesystem::path path) {
  std::error_code failed;
  if (std::filesystem::is_symlink(path, failed)) {
    path = std::filesystem::weakly_canonical(path, failed);
  }
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::is_directory(status)) {
    fail(path, EISDIR);
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(fmt::format(
        "cannot write {}: it is a device, pipe or socket, expected a file", path.string()));
  }
  return path;
}

void sync_folder(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
    fsync(fd);
    close(fd);
  }
}

} // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(target_of(std::move(path))) {
  std::string name = path_.string() + ".tmp-XXXXXX";
  temporary_.emplace([&] {
    descriptor_ = mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) {
      fail(path_, errno);
    }
    return name;
  });
  fchmod(descriptor_, default_mode());
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
    unlink(temporary_->path().c_str());
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t chunk = std::min(bytes.size(), size_t{1} << 30);
    const ssize_t written = ::write(descriptor_, bytes.data(), chunk);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      fail(path_, errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::sync() {
  if (fsync(descriptor_) != 0) {
    fail(path_, errno);
  }
}

void AtomicFile::finish() {
  temporary_.reset();
  close(std::exchange(descriptor_, -1));
  sync_folder(path_);
}

void AtomicFile::commit() {
  sync();
  if (rename(temporary_->path().c_str(), path_.c_str()) != 0) {
    fail(path_, errno);
  }
  finish();
}

bool AtomicFile::commit_new() {
  sync();
  if (link(temporary_->path().c_str(), path_.c_str()) == 0) {
    unlink(temporary_->path().c_str());
    finish();
    return true;
  }
  if (errno == EEXIST) {
    return false;
  }
  // A file system without hard links: the best that is left.
  if (std::filesystem::exists(path_)) {
    return false;
  }
  commit();
  return true;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string read_file(const std::filesystem::path& path, size_t limit) {
  if (!std::filesystem::exists(path)) {
    throw Error(fmt::format("{} does not exist", path.string()));
  }
  if (!std::filesystem::is_regular_file(path)) {
    throw Error(fmt::format("{} is not a regular file", path.string()));
  }
  const auto size = std::filesystem::file_size(path);
  if (size > limit) {
    throw Error(fmt::format("{} is {} bytes, expected at most {}", path.string(), size, limit));
  }
  std::string text(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) {
    throw Error(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  }
  return text;
}

} // namespace mflux
