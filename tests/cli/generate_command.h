#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mflux/base/json.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux::testing {

using Words = std::vector<std::string>;

/// `mflux generate` and its like, run in a folder of their own.
class GenerateCommand : public ::testing::Test {
 protected:
  /// Runs in the test's own folder, after `before` ("ulimit -f 8;").
  CommandResult run(const Words& words, const std::string& before = "") {
    std::string command =
        fmt::format("cd {} && {} {}", quoted(folder.path()), before, quoted(MFLUX_BINARY));
    for (const auto& word : words) {
      command += " " + quoted(word);
    }
    return run_shell(command);
  }

  CommandResult generate(Words flags, const std::string& before = "") {
    flags.insert(flags.begin(), "generate");
    return run(flags, before);
  }

  Json generate_json(Words flags) {
    flags.push_back("--json");
    const auto result = generate(std::move(flags));
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? parse_json(result.out) : Json();
  }

  /// The one line that refuses; nothing may have been written.
  std::string refusal(const Words& flags, const std::string& before = "") {
    const auto old = files();
    const auto result = generate(flags, before);
    EXPECT_EQ(result.code, 2) << result.out << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(files(), old) << "something was written";
    return result.err;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
      names.push_back(std::filesystem::relative(file.path(), folder.path()).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string path(const std::string& name) const {
    return folder / name;
  }

  /// The bundled model under another name, its files as links, so that some can be replaced.
  std::filesystem::path copy_of_model() {
    const auto from = std::filesystem::path(MFLUX_SOURCE_DIR) / "models/emoji";
    const auto to = folder / "model";
    std::filesystem::create_directory(to);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
      const auto place = to / std::filesystem::relative(entry.path(), from);
      if (entry.is_directory()) {
        std::filesystem::create_directory(place);
      } else {
        std::filesystem::create_symlink(entry.path(), place);
      }
    }
    return to;
  }

  TemporaryFolder folder;
};

} // namespace mflux::testing
