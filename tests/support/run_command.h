#pragma once

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace mflux::testing {

/// How a command ended and what it said.
struct CommandResult {
  int code = 0; ///< exit status; 128 + signal when it was killed
  std::string out, err;
};

/// `text` as one word of a shell.
inline std::string quoted(const std::string& text) {
  std::string word;
  for (const char c : text) {
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return fmt::format("'{}'", word);
}

/// Runs `command` in a shell.
inline CommandResult run_shell(const std::string& command) {
  std::string err_name = "/tmp/mflux-stderr-XXXXXX";
  FILE* err_file = fdopen(mkstemp(err_name.data()), "r");
  FILE* pipe = popen(fmt::format("{{ {}; }} 2>{}", command, err_name).c_str(), "r");
  if (!pipe || !err_file) {
    throw std::runtime_error("cannot run " + command);
  }
  const auto drain = [](FILE* file) {
    std::string text;
    std::array<char, 4096> part;
    while (const size_t size = fread(part.data(), 1, part.size(), file)) {
      text.append(part.data(), size);
    }
    return text;
  };
  CommandResult result;
  result.out = drain(pipe);
  const int status = pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.err = drain(err_file);
  fclose(err_file);
  std::remove(err_name.c_str());
  return result;
}

/// Runs the mflux binary that this build made (MFLUX_BINARY).
inline CommandResult run_mflux(const std::vector<std::string>& arguments) {
  std::string command = quoted(MFLUX_BINARY);
  for (const auto& argument : arguments) {
    command += fmt::format(" {}", quoted(argument));
  }
  return run_shell(command);
}

} // namespace mflux::testing
