#include "mflux/capture/staging.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "mflux/artifacts/manifest.h"
#include "mflux/base/artifacts_folder.h"
#include "mflux/base/error.h"

namespace mflux::capture {
namespace {

namespace fs = std::filesystem;

fs::path nearest_folder(const fs::path& target) {
  fs::path folder = fs::absolute(target).lexically_normal();
  while (!fs::is_directory(folder) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

void check(const std::error_code& code, const char* what, const fs::path& path) {
  if (code) {
    throw Error(fmt::format("cannot {} {}: {}", what, path.string(), code.message()));
  }
}

} // namespace

bool is_dump_file(std::string_view name) {
  constexpr std::string_view kBefore = "checkpoints-", kAfter = ".safetensors";
  constexpr size_t kDigits = 5;
  if (name == artifacts::kManifest) {
    return true;
  }
  if (name.size() != kBefore.size() + kDigits + kAfter.size() || !name.starts_with(kBefore) ||
      !name.ends_with(kAfter)) {
    return false;
  }
  const auto digits = name.substr(kBefore.size(), kDigits);
  return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Staging::Staging(fs::path target) : target_(std::move(target)) {
  std::string name = (nearest_folder(target_) / ".capture-XXXXXX").string();
  registered_.emplace([&] {
    if (!mkdtemp(name.data())) {
      throw Error(fmt::format("cannot write into {}: {}", target_.string(), std::strerror(errno)));
    }
    return name;
  });
  path_ = name;
}

Staging::~Staging() {
  remove();
}

void Staging::remove() noexcept {
  std::error_code ignored;
  if (!path_.empty()) {
    fs::remove_all(path_, ignored);
  }
}

void Staging::commit(const std::vector<std::string>& files) {
  std::error_code code;
  fs::create_directories(target_, code);
  check(code, "create", target_);
  registered_.reset(); // from here on a signal would take the only copy
  // Half replaced, the folder must not pass for a dump.
  fs::remove(target_ / artifacts::kManifest, code);
  check(code, "replace", target_ / artifacts::kManifest);
  std::vector<fs::path> old;
  for (const auto& file : fs::directory_iterator(target_)) {
    if (is_dump_file(file.path().filename().string())) {
      old.push_back(file.path());
    }
  }
  for (const auto& file : old) {
    fs::remove(file, code);
    check(code, "replace", file);
  }
  for (const auto& file : files) {
    fs::rename(path_ / file, target_ / file, code);
    check(code, "write", target_ / file);
  }
  remove();
  path_.clear();
  ignore_artifacts(target_);
}

} // namespace mflux::capture
