#pragma once

#include <optional>
#include <string_view>

#include "mflux/artifacts/bytes.h"
#include "mflux/artifacts/pickle.h"

namespace mflux::artifacts {

/// The bytes of a pickle, read one after another; leaving them is an error.
class PickleInput {
 public:
  explicit PickleInput(Bytes bytes) : bytes_(bytes) {}

  size_t at() const {
    return at_;
  }

  size_t left() const {
    return bytes_.size() - at_;
  }

  Bytes take_bytes(uint64_t size);

  template <typename T>
  T take() {
    return load<T>(take_bytes(sizeof(T)), 0);
  }

  /// To the next line end, which is taken too.
  std::string_view take_line();

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

/// The None, bool or number that `op` begins; nothing for other opcodes. Throws Error when it is
/// damaged or fits no 64 bits.
std::optional<PickleValue> take_number(uint8_t op, PickleInput& in);

struct PickleText {
  PickleValue::Kind kind; ///< text or bytes
  std::string_view text;
};

/// The text or bytes that `op` begins; nothing for other opcodes.
std::optional<PickleText> take_text(uint8_t op, PickleInput& in);

/// A place in the memo as protocol 0 writes it. Throws Error.
uint32_t index_value(std::string_view line);

} // namespace mflux::artifacts
