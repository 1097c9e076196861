#include "mflux/base/error.h"

#include <fmt/format.h>

namespace mflux {

std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string one_line(const std::exception& error) {
  std::string text = printable(error.what());
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    text += ": " + one_line(cause);
  } catch (...) {
    text += ": unknown error";
  }
  return text;
}

} // namespace mflux
