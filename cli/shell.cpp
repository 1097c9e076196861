#include "cli/shell.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/signals.h"
#include "mflux/base/error.h"

namespace mflux::cli {
namespace {

/// What posix_spawn takes besides the command, freed with it.
class SpawnSettings {
 public:
  explicit SpawnSettings(const std::filesystem::path& log) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(
        &actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t asked;
    sigemptyset(&asked);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXFSZ}) {
      sigaddset(&asked, number);
    }
    posix_spawnattr_setsigdefault(&attributes, &asked);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

/// Ours, with those of the command instead of older ones of the same names.
std::vector<std::string> environment_of(const ShellCommand& command) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const auto is_replaced = [&](const auto& more) {
      return text.compare(0, more.first.size() + 1, more.first + "=") == 0;
    };
    if (std::none_of(command.environment.begin(), command.environment.end(), is_replaced)) {
      out.push_back(text);
    }
  }
  for (const auto& [name, value] : command.environment) {
    out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// The last lines of a file that are not empty.
std::string last_lines(const std::filesystem::path& path) {
  constexpr std::streamoff kTail = 16 << 10;
  constexpr size_t kLines = 4;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  file.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - kTail));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      lines.push_back(line);
    }
  }
  if (lines.size() > kLines) {
    lines.erase(lines.begin(), lines.end() - kLines);
  }
  return lines.empty() ? "it printed nothing" : fmt::format("{}", fmt::join(lines, " | "));
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

} // namespace

void run_in_shell(const ShellCommand& command) {
  const SpawnSettings settings(command.log);
  std::vector<std::string> arguments{"/bin/sh", "-c", command.line};
  auto environment = environment_of(command);
  pid_t child = 0;
  const int code = posix_spawn(
      &child,
      "/bin/sh",
      &settings.actions,
      &settings.attributes,
      pointers_to(arguments).data(),
      pointers_to(environment).data());
  if (code != 0) {
    throw Error(
        fmt::format("cannot run it and write {}: {}", command.log.string(), std::strerror(code)));
  }
  int status = 0;
  {
    const EndsWithUs ends(child);
    status = wait_for(child);
  }
  if (!WIFEXITED(status)) {
    throw Error(
        fmt::format("it was ended by signal {}: {}", WTERMSIG(status), last_lines(command.log)));
  }
  if (WEXITSTATUS(status) != 0) {
    throw Error(fmt::format(
        "it ended with exit status {}: {}", WEXITSTATUS(status), last_lines(command.log)));
  }
}

std::string shell_word(const std::string& text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::strchr("._-/@=+:,", c) != nullptr;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) {
    return text;
  }
  std::string word = "'";
  for (const char c : text) {
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return word + "'";
}

} // namespace mflux::cli
