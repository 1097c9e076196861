#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace mflux::testing {

/// A fresh folder that goes away with the test; kept when MFLUX_PRESERVE_TEST_OUTPUT is set.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mflux-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }

  ~TemporaryFolder() {
    if (!std::getenv("MFLUX_PRESERVE_TEST_OUTPUT")) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }

  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

  const std::filesystem::path& path() const {
    return path_;
  }

 private:
  std::filesystem::path path_;
};

} // namespace mflux::testing
