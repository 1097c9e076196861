#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mflux/artifacts/bytes.h"

namespace mflux::artifacts {

/// One value of a Pickle: a number itself, or a place in the Pickle's tables.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    large, ///< a whole number from 2^63 on that fits 64 bits
    real,
    text,
    bytes,
    tuple,
    list,
    dict,
    global,    ///< a name that Python would import
    call,      ///< of a global, not carried out
    persistent ///< something outside the pickle
  };

  Kind kind = Kind::none;
  uint64_t bits = 0;

  bool is(Kind other) const {
    return kind == other;
  }
};

/// "a tuple", "text", "a call", …
std::string_view name_of(PickleValue::Kind kind);

/// What a Python pickle says, as inert data: nothing is imported, built or called. Values may be
/// shared and may hold themselves.
class Pickle {
 public:
  PickleValue root() const {
    return root_;
  }

  /// Of text and bytes; looks into the pickle's own bytes.
  std::string_view text(PickleValue value) const {
    return texts_[value.bits];
  }

  /// "module.name" of a global.
  const std::string& global(PickleValue value) const {
    return globals_[value.bits];
  }

  /// The items of a tuple or list; key, value, key, value, … of a dict in the order of insertion;
  /// the global and the arguments of a call; the one id of something persistent.
  const std::vector<PickleValue>& items(PickleValue value) const {
    return items_[value.bits];
  }

  /// How many items there are in all, shared ones counted once.
  size_t item_count() const {
    size_t count = 0;
    for (const auto& items : items_) {
      count += items.size();
    }
    return count;
  }

 private:
  friend class PickleMachine;

  PickleValue root_;
  std::vector<std::string_view> texts_;
  std::vector<std::string> globals_;
  std::vector<std::vector<PickleValue>> items_;
};

/// Largest pickle that is read, and most values in it.
constexpr size_t kMaxPickleBytes = size_t{256} << 20, kMaxPickleValues = size_t{1} << 23;

/// Reads one pickle of protocol 0 to 5 that holds numbers, text, bytes, tuples, lists, dicts,
/// collections.OrderedDict, calls and persistent ids; `bytes` must outlive the result.
/// `check_global` is asked about every global when it is met and throws to refuse it. Throws Error
/// on other opcodes (by name), on damage, and beyond the limits above.
Pickle read_pickle(Bytes bytes, const std::function<void(const std::string& name)>& check_global);

} // namespace mflux::artifacts
