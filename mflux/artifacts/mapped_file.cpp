#include "mflux/artifacts/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mflux/artifacts/mapped_names.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

[[noreturn]] void fail(const std::string& name) {
  throw Error(fmt::format("cannot read {}: {}", name, std::strerror(errno)));
}

class MappedFile final : public Storage {
 public:
  MappedFile(void* address, size_t size, const std::string& name) : name_(address, size, name) {
    bytes_ = {static_cast<const std::byte*>(address), size};
  }

  ~MappedFile() override {
    munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  void done_with(size_t begin, size_t end) const override {
    static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    begin = std::min(begin, bytes_.size());
    end = std::min(end, bytes_.size());
    const size_t first = (begin / page + (begin % page != 0)) * page;
    const size_t last = end / page * page;
    if (first < last) {
      madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, MADV_DONTNEED);
    }
  }

 private:
  MappedName name_;
};

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}

  ~Descriptor() {
    if (value_ >= 0) {
      close(value_);
    }
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int value() const {
    return value_;
  }

 private:
  int value_;
};

} // namespace

std::shared_ptr<const Storage> map_descriptor(int descriptor, const std::string& name) {
  struct stat facts {};
  if (fstat(descriptor, &facts) != 0) {
    fail(name);
  }
  if (!S_ISREG(facts.st_mode)) {
    throw Error(fmt::format("{} is not a regular file", name));
  }
  const auto size = static_cast<size_t>(facts.st_size);
  if (size == 0) {
    return make_storage({});
  }
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) {
    fail(name);
  }
  return std::make_shared<MappedFile>(address, size, name);
}

std::shared_ptr<const Storage> map_file(const std::string& path) {
  // Non-blocking: a named pipe must be refused, not waited for.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value() < 0) {
    fail(path);
  }
  return map_descriptor(file.value(), path);
}

} // namespace mflux::artifacts
