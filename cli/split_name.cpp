#include "cli/split_name.h"

namespace mflux::cli {

std::pair<std::filesystem::path, std::optional<std::string>> split_name(const std::string& text) {
  const auto mark = text.rfind('#');
  if (mark == std::string::npos || std::filesystem::exists(text)) {
    return {text, std::nullopt};
  }
  return {text.substr(0, mark), text.substr(mark + 1)};
}

} // namespace mflux::cli
