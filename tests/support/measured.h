#pragma once

#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "mflux/base/atomic_file.h"
#include "mflux/ports/measurement.h"

namespace mflux::testing {

/// Writes what the running test measured into the folder that MFLUX_RECORD names, for
/// `mflux port record`; nothing without it. The test's name, file and day are filled in.
inline void write_measurement(ports::Measurement one) {
  const char* folder = std::getenv("MFLUX_RECORD");
  if (!folder || !*folder) {
    return;
  }
  const auto& test = *::testing::UnitTest::GetInstance()->current_test_info();
  one.test = fmt::format("{}.{}.{}", MFLUX_TEST_NAME, test.test_suite_name(), test.name());
  // The compiler may have been given any path to it; ccache makes it relative.
  const std::string source = test.file();
  one.source = source.substr(source.rfind("tests/"));
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm day{};
  gmtime_r(&now, &day);
  one.date = fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
  std::string file = one.test + "-" + one.what;
  for (char& c : file) {
    c = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ? c : '_';
  }
  std::filesystem::create_directories(folder);
  write_file(std::filesystem::path(folder) / (file + ".json"), ports::to_json(one).dump());
}

/// A path below the checkout, as results name it.
inline std::string in_checkout(const std::filesystem::path& path) {
  return std::filesystem::relative(path, MFLUX_SOURCE_DIR).string();
}

} // namespace mflux::testing
