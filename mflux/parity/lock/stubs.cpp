#include "mflux/parity/lock/stubs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

constexpr std::string_view kGtest =
    R"(// Holds the port to the reference beside this file. Written by `mflux parity lock`; yours to change.
// Link mflux::parity and GTest::gtest_main.
#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"
#include "mflux/base/error.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/table.h"

namespace {{

/// This file's folder. Where __FILE__ is relative it starts at the build's folder, in which or below
/// which tests run.
std::filesystem::path fixture() {{
  const std::filesystem::path file = __FILE__;
  auto from = std::filesystem::current_path();
  while (!std::filesystem::exists(from / file) && from.has_relative_path()) {{
    from = from.parent_path();
  }}
  return (from / file).parent_path();
}}

/// What the port computed. Run the port here, on the inputs in fixture(), to need no dump at hand.
std::filesystem::path port_dump() {{
  const char* named = std::getenv("{upper}_DUMP");
  return named ? std::filesystem::path(named) : fixture() / "{port}";
}}

TEST({camel}Parity, MatchesTheReference) {{
  mflux::parity::CompareOptions options;
  options.ref = fixture();
  options.port = port_dump();
  try {{
    const auto comparison = mflux::parity::compare(options);
    EXPECT_EQ(comparison.verdict, mflux::parity::Verdict::pass)
        << mflux::parity::format_table(comparison, {{}});
  }} catch (const std::exception& error) {{
    FAIL() << mflux::one_line(error);
  }}
}}

}} // namespace
)";

constexpr std::string_view kPytest =
    R"("""Holds the port to the reference beside this file. Written by `mflux parity lock`; yours to change."""

import os
import subprocess
from pathlib import Path

FIXTURE = Path(__file__).resolve().parent
MFLUX = os.environ.get("MFLUX_BINARY", "mflux")


def port_dump() -> Path:
    """What the port computed. Run the port here, on the inputs in FIXTURE, to need no dump at hand."""
    return Path(os.environ.get("{upper}_DUMP", FIXTURE / "{port}"))


def test_{snake}_parity() -> None:
    command = [MFLUX, "parity", "compare", str(FIXTURE), str(port_dump())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
)";

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// "emoji-vae.2" as emoji_vae_2.
std::string snake(const std::string& name) {
  std::string out;
  for (const char c : name) {
    out += is_word(c) ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '_';
  }
  return out;
}

/// The same as EmojiVae2.
std::string camel(const std::string& name) {
  std::string out = std::isdigit(static_cast<unsigned char>(name[0])) ? "Run" : "";
  bool begins = true;
  for (const char c : name) {
    if (is_word(c)) {
      out += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    }
    begins = !is_word(c);
  }
  return out;
}

std::string upper(const std::string& name) {
  std::string out = snake(name);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::toupper(c));
  });
  return std::isdigit(static_cast<unsigned char>(out[0])) ? "RUN_" + out : out;
}

/// Inside quotes of both languages.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return out;
}

} // namespace

void check_fixture_name(const std::string& name) {
  const bool fits =
      !name.empty() && is_word(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
        return is_word(c) || c == '_' || c == '-' || c == '.';
      });
  if (!fits) {
    throw Error(fmt::format(
        "\"{}\" cannot name a fixture: expected letters, digits, _, - and . (--name NAME)",
        printable(name)));
  }
}

std::vector<StubFile> stubs_for(
    const std::string& name, const std::filesystem::path& port, Stubs stubs) {
  const auto filled = [&](std::string_view text) {
    return fmt::format(
        fmt::runtime(text),
        fmt::arg("snake", snake(name)),
        fmt::arg("camel", camel(name)),
        fmt::arg("upper", upper(name)),
        fmt::arg("port", escaped(port.string())));
  };
  std::vector<StubFile> files;
  if (stubs == Stubs::gtest || stubs == Stubs::both) {
    files.push_back({snake(name) + "_parity_test.cpp", filled(kGtest)});
  }
  if (stubs == Stubs::pytest || stubs == Stubs::both) {
    files.push_back({fmt::format("test_{}_parity.py", snake(name)), filled(kPytest)});
  }
  return files;
}

} // namespace mflux::parity
