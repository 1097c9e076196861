#include "mflux/artifacts/mapped_names.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "mflux/base/error.h"

namespace mflux::artifacts {

/// Stays in the list for ever, since a signal handler may be walking along it; used again once the
/// file is no longer mapped.
struct MappedName::Place {
  std::atomic<uintptr_t> begin = 0, end = 0; ///< nothing when equal
  std::string name;
  Place* next = nullptr;
};

namespace {

std::atomic<MappedName::Place*> places = nullptr;

struct Unused {
  std::mutex mutex;
  std::vector<MappedName::Place*> places;
  size_t made = 0;
};

/// Never destroyed: files may be unmapped while the process is ending.
Unused& unused() {
  static auto* instance = new Unused;
  return *instance;
}

} // namespace

MappedName::MappedName(const void* address, size_t size, const std::string& name) {
  const std::lock_guard lock(unused().mutex);
  if (unused().places.empty()) {
    place_ = new Place;
    place_->next = places;
    places = place_;
    unused().places.reserve(++unused().made); // so that the destructor cannot fail
  } else {
    place_ = unused().places.back();
    unused().places.pop_back();
  }
  place_->name = printable(name);
  place_->end = reinterpret_cast<uintptr_t>(address) + size;
  place_->begin = reinterpret_cast<uintptr_t>(address);
}

MappedName::~MappedName() {
  const std::lock_guard lock(unused().mutex);
  place_->end = 0;
  place_->begin = 0;
  unused().places.push_back(place_);
}

const char* mapped_name_at(const void* address) noexcept {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const auto* place = places.load(); place; place = place->next) {
    if (place->begin <= at && at < place->end) {
      return place->name.c_str();
    }
  }
  return nullptr;
}

} // namespace mflux::artifacts
