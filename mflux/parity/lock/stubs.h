#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mflux::parity {

/// Which stubs of tests a fixture gets.
enum class Stubs { none, gtest, pytest, both };

/// Throws Error unless `name` can name a fixture: letters, digits, "_", "-" and ".", a letter or
/// digit first.
void check_fixture_name(const std::string& name);

struct StubFile {
  std::string name, text;
};

/// Tests that hold the dump which the environment variable NAME_DUMP names, else the one at `port`
/// (relative to the fixture), to the fixture that they lie in.
std::vector<StubFile> stubs_for(
    const std::string& name, const std::filesystem::path& port, Stubs stubs);

} // namespace mflux::parity
