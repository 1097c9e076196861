#pragma once

#include <cstddef>
#include <string>

namespace mflux::artifacts {

/// Remembers for as long as it lives which file the bytes [address, address + size) are mapped
/// from.
class MappedName {
 public:
  MappedName(const void* address, size_t size, const std::string& name);
  ~MappedName();
  MappedName(const MappedName&) = delete;
  MappedName& operator=(const MappedName&) = delete;

  struct Place;

 private:
  Place* place_;
};

/// The name, printable, of the file that is mapped at `address`; null when none is. May be called
/// by a signal handler while the bytes stay mapped.
const char* mapped_name_at(const void* address) noexcept;

} // namespace mflux::artifacts
