#include "mflux/parity/lock/fixture_folder.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "mflux/artifacts/manifest.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

void check(const std::error_code& code, const char* what, const fs::path& path) {
  if (code) {
    throw Error(fmt::format("cannot {} {}: {}", what, path.string(), code.message()));
  }
}

bool is_locked_fixture(const fs::path& folder) {
  try {
    return read_json(folder / artifacts::kManifest).contains("lock");
  } catch (const std::exception&) {
    return false;
  }
}

/// What every lock writes anew.
bool is_own(const std::string& name) {
  return name == artifacts::kManifest || name == "parity.toml" || name == "map.toml" ||
         (name.starts_with("checkpoints-") && name.ends_with(".safetensors"));
}

} // namespace

FixtureFolder::FixtureFolder(fs::path target, bool update) : target_(std::move(target)) {
  std::error_code code;
  replaces_ = fs::exists(fs::symlink_status(target_, code));
  if (replaces_ && !update) {
    throw Error(fmt::format("{} exists already: --update replaces it", target_.string()));
  }
  if (replaces_ && (fs::is_symlink(target_, code) || !is_locked_fixture(target_))) {
    throw Error(fmt::format(
        "{} is no fixture that parity lock wrote: it is not replaced, name another folder by --to",
        target_.string()));
  }
  fs::create_directories(target_.parent_path(), code);
  check(code, "create", target_.parent_path());
  std::string name = (target_.parent_path() / ".lock-XXXXXX").string();
  registered_.emplace([&] {
    if (!mkdtemp(name.data())) {
      throw Error(fmt::format(
          "cannot write into {}: {}", target_.parent_path().string(), std::strerror(errno)));
    }
    return name;
  });
  staged_ = name;
}

FixtureFolder::~FixtureFolder() {
  std::error_code ignored;
  if (registered_) {
    fs::remove_all(staged_, ignored);
  }
}

void FixtureFolder::add_unless_edited(const std::string& name, const std::string& text) {
  std::error_code ignored;
  if (!fs::exists(target_ / name, ignored)) {
    write_file(staged_ / name, text);
  }
}

uint64_t FixtureFolder::check_sizes(uint64_t max_bytes) const {
  uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator(staged_)) {
    const uint64_t bytes = entry.file_size();
    if (bytes > max_bytes) {
      throw Error(fmt::format(
          "{} takes {} bytes, expected at most {} (--max-bytes): pick fewer checkpoints by --only",
          entry.path().filename().string(),
          bytes,
          max_bytes));
    }
    total += bytes;
  }
  return total;
}

void FixtureFolder::keep_other_files() const {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(target_)) {
    const std::string name = entry.path().filename().string();
    if (!is_own(name) && name != "__pycache__") {
      fs::copy(
          entry.path(),
          staged_ / name,
          fs::copy_options::recursive | fs::copy_options::copy_symlinks,
          code);
      check(code, "keep", entry.path());
    }
  }
}

void FixtureFolder::commit() {
  std::error_code code, ignored;
  const fs::path older = staged_.string() + "-older";
  if (replaces_) {
    keep_other_files();
  }
  const mode_t mask = umask(0);
  umask(mask);
  fs::permissions(staged_, static_cast<fs::perms>(0777 & ~mask), ignored); // mkdtemp's are 0700
  if (replaces_) {
    fs::rename(target_, older, code);
    check(code, "replace", target_);
  }
  fs::rename(staged_, target_, code);
  if (code && replaces_) {
    fs::rename(older, target_, ignored);
  }
  check(code, "write", target_);
  registered_.reset();
  fs::remove_all(older, ignored);
}

} // namespace mflux::parity
