#include "mflux/ports/code.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"

namespace mflux::ports {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> kLayers{
    "mflux/nn/",
    "mflux/weights/",
    "mflux/encoders/",
    "mflux/vae/",
    "mflux/schedulers/",
    "mflux/tokenizers/",
    "mflux/pipelines/",
    "mflux/models/"};

bool is_covered(std::string_view file) {
  return std::any_of(
      kLayers.begin(), kLayers.end(), [&](auto layer) { return file.starts_with(layer); });
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const auto first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

template <typename Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    visit(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
}

/// What an #include "…" line names; empty for others.
std::string included(std::string_view line) {
  constexpr std::string_view kInclude = "#include \"";
  if (!line.starts_with(kInclude)) {
    return {};
  }
  line.remove_prefix(kInclude.size());
  return std::string(line.substr(0, line.find('"')));
}

/// FNV-1a of 64 bits: tells changes, not forgeries.
struct Hash {
  uint64_t value = 14695981039346656037u;

  void add(std::string_view text) {
    for (const char c : text) {
      add(static_cast<unsigned char>(c));
    }
    add('\n');
  }

  void add(unsigned char byte) {
    value = (value ^ byte) * 1099511628211u;
  }
};

class Closure {
 public:
  explicit Closure(const fs::path& checkout) : checkout_(checkout) {}

  void add(const std::string& file) {
    if (!files_.insert(file).second) {
      return;
    }
    for_each_line(read_file(checkout_ / file), [&](std::string_view line) {
      const auto name = included(line);
      if (is_covered(name) && fs::exists(checkout_ / name)) {
        add(name);
      }
    });
    const auto source = fs::path(file).replace_extension(".cpp").string();
    if (fs::exists(checkout_ / source)) {
      add(source);
    }
  }

  std::set<std::string> take() {
    return std::move(files_);
  }

 private:
  const fs::path& checkout_;
  std::set<std::string> files_;
};

} // namespace

std::set<std::string> covered_code(
    const fs::path& checkout, const std::vector<std::string>& roots) {
  Closure closure(checkout);
  for (const auto& root : roots) {
    if (!fs::is_regular_file(checkout / root)) {
      throw Error(fmt::format("code names {}, which is no file of the checkout", root));
    }
    closure.add(root);
  }
  return closure.take();
}

std::string hash_of(const fs::path& checkout, const std::set<std::string>& files) {
  Hash hash;
  for (const auto& file : files) {
    hash.add(file);
    for_each_line(read_file(checkout / file), [&](std::string_view line) {
      if (!line.empty() && !line.starts_with("//")) {
        hash.add(line);
      }
    });
  }
  return fmt::format("{:016x}", hash.value);
}

} // namespace mflux::ports
