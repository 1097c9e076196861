#include "cli/output_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/utf8.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, const std::string& suffix) {
  auto name = path.stem();
  name += suffix;
  name += path.extension();
  return path.parent_path() / name;
}

/// Also true for links that lead nowhere: writing would follow them.
bool is_taken(const fs::path& path) {
  std::error_code failed;
  return fs::exists(fs::symlink_status(path, failed));
}

} // namespace

std::string file_name_for(const std::string& prompt) {
  constexpr size_t kLongest = 60; // bytes
  std::string name;
  for (size_t at = 0; at < prompt.size() && name.size() < kLongest;) {
    const size_t size = std::max<size_t>(utf8_character(std::string_view(prompt).substr(at)), 1);
    const auto first = static_cast<unsigned char>(prompt[at]);
    if (size > 1 || std::isalnum(first)) {
      name += prompt.substr(at, size);
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
    at += size;
  }
  while (!name.empty() && name.back() == '_') {
    name.pop_back();
  }
  return (name.empty() ? "picture" : name) + ".png";
}

fs::path with_seed(const fs::path& path, uint64_t seed) {
  return with_suffix(path, fmt::format("_seed_{}", seed));
}

fs::path free_path(const fs::path& path, const std::vector<std::string>& extensions) {
  const auto is_free = [&](const fs::path& candidate) {
    return !is_taken(candidate) &&
           std::none_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
             return is_taken(fs::path(candidate).replace_extension(extension));
           });
  };
  fs::path candidate = path;
  for (int number = 1; !is_free(candidate); ++number) {
    candidate = with_suffix(path, fmt::format("_{}", number));
  }
  return candidate;
}

fs::path write_new_file(
    const fs::path& path, const std::string& bytes, const std::vector<std::string>& extensions) {
  while (true) {
    const auto target = free_path(path, extensions);
    AtomicFile file(target);
    file.write(bytes);
    if (file.commit_new()) {
      return target;
    }
  }
}

void check_can_write(const fs::path& path, uint64_t bytes) {
  if (fs::is_directory(path)) {
    throw Error(fmt::format("{} is a folder, expected a file to write", path.string()));
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw Error(fmt::format("cannot write {}: its folder does not exist", path.string()));
  }
  AtomicFile trial(free_path(path));
  const std::string part(size_t{1} << 20, '\0');
  for (uint64_t done = 0; done < bytes; done += part.size()) {
    trial.write(std::string_view(part).substr(0, std::min<uint64_t>(part.size(), bytes - done)));
  }
}

void check_can_make_folder(const fs::path& path) {
  auto folder = fs::absolute(path).lexically_normal();
  while (!fs::exists(folder) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  if (!fs::is_directory(folder)) {
    throw Error(
        fmt::format("cannot make the folder {}: {} is none", path.string(), folder.string()));
  }
  check_can_write(folder / "mflux", 1);
}

} // namespace mflux::cli
