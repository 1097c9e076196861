#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mflux/artifacts/bytes.h"

/// Pickles written by hand, in protocol 2 as torch.save does.
namespace mflux::artifacts::pickled {

inline std::string text(std::string_view value) {
  std::string out = "X";
  append(out, static_cast<uint32_t>(value.size()));
  return out + std::string(value);
}

/// Any whole number of 64 bits.
inline std::string whole(int64_t value) {
  std::string out = "\x8a\x08";
  append(out, value);
  return out;
}

inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

template <typename... Parts>
std::string tuple(const Parts&... parts) {
  return "(" + (std::string() + ... + parts) + "t";
}

template <typename... Parts>
std::string list(const Parts&... parts) {
  return "(" + (std::string() + ... + parts) + "l";
}

template <typename... Parts>
std::string dict(const Parts&... parts) {
  return "(" + (std::string() + ... + parts) + "d";
}

inline std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}

inline std::string storage(std::string_view type, std::string_view key, int64_t count) {
  return tuple(text("storage"), global("torch", type), text(key), text("cpu"), whole(count)) + "Q";
}

inline std::string tensor(
    const std::string& storage,
    int64_t offset,
    const std::string& shape,
    const std::string& stride) {
  return call(
      global("torch._utils", "_rebuild_tensor_v2"),
      tuple(storage, whole(offset), shape, stride, std::string("\x89"), std::string("}")));
}

/// With the opcode that ends every pickle.
inline std::string done(const std::string& value) {
  return "\x80\x02" + value + ".";
}

} // namespace mflux::artifacts::pickled
