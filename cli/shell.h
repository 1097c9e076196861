#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mflux::cli {

/// A command line for /bin/sh.
struct ShellCommand {
  std::string line;
  std::vector<std::pair<std::string, std::string>> environment; ///< beside our own
  std::filesystem::path log; ///< what it prints on either output; replaced
};

/// Runs it to its end, without standard input, in a process group of its own which ends when a
/// signal ends this process. Throws Error, with the last lines that it printed, when it fails.
void run_in_shell(const ShellCommand& command);

/// `text` as one word of a shell.
std::string shell_word(const std::string& text);

} // namespace mflux::cli
