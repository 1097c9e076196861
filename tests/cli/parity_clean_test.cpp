// `mflux parity ls` and `clean`, run as a user runs them, at a terminal and without one.
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/parity_command.h"
#include "mflux/base/json.h"
#include "parity/runs/make_runs.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RunsCommand : public mflux::testing::ParityCommand {
 protected:
  void SetUp() override {
    for (const char* id : {"a", "kept"}) {
      mflux::testing::write_side(artifacts / id / "ref");
    }
    mflux::testing::lock_run(artifacts / "kept");
  }

  /// Runs `mflux parity clean ARGUMENTS` at a terminal of its own, where `keys` are typed.
  mflux::testing::CommandResult at_terminal(const std::string& arguments, const std::string& keys) {
    const std::string command =
        fmt::format("cd {} && exec {} parity {}", folder.path().string(), MFLUX_BINARY, arguments);
    mflux::testing::CommandResult result;
    int terminal = -1;
    const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    std::array<char, 4096> part;
    bool typed = false;
    for (ssize_t size = 0; (size = read(terminal, part.data(), part.size())) > 0;) {
      result.out.append(part.data(), static_cast<size_t>(size));
      if (!typed && result.out.find("[y/N]") != std::string::npos) {
        typed = write(terminal, keys.data(), keys.size()) > 0;
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    close(terminal);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
  }

  bool has(const std::string& id) const {
    return fs::exists(artifacts / id / "ref" / "all.npz");
  }

  fs::path artifacts = folder / "debug_artifacts";
};

TEST_F(RunsCommand, LsShowsEveryRun) {
  fs::create_directories(artifacts / "odd\x1b[31m");
  const auto outcome = run("ls");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      AllOf(
          HasSubstr("red apple"),
          HasSubstr("locked"),
          HasSubstr("odd\\x1b[31m"),
          HasSubstr("unreadable: holds no ref/ nor mlx/"),
          HasSubstr("3 runs, "),
          Not(HasSubstr("\x1b"))));
  const Json json = parse_json(run("ls . --json").out);
  EXPECT_EQ(json["runs"].size(), 3U);
  EXPECT_EQ(json["runs"][0]["id"], "a");
  EXPECT_EQ(json["runs"][0]["checkpoints"], 2);
  EXPECT_EQ(json["runs"][1]["fixtures"][0], "tests/fixtures/x");
  const auto du = mflux::testing::run_shell("du -s -B1 " + (artifacts / "a").string());
  EXPECT_EQ(json["runs"][0]["bytes"], std::stoull(du.out));
  expect_refused("ls none", "is no folder");
}

TEST_F(RunsCommand, CleanAsksAtATerminal) {
  const auto declined = at_terminal("clean", "n\n");
  EXPECT_EQ(declined.code, 1) << declined.out;
  EXPECT_THAT(
      declined.out,
      AllOf(
          HasSubstr("kept: kept (locked: tests/fixtures/x)"),
          HasSubstr("Remove 1, "),
          HasSubstr("Nothing was removed.")));
  EXPECT_EQ(at_terminal("clean", "\n").code, 1);
  EXPECT_EQ(at_terminal("clean", "\x04").code, 1);   // the end of input
  EXPECT_EQ(at_terminal("clean", "\x03").code, 130); // Ctrl-C
  EXPECT_TRUE(has("a"));
  const auto confirmed = at_terminal("clean", "y\n");
  EXPECT_EQ(confirmed.code, 0) << confirmed.out;
  EXPECT_THAT(confirmed.out, HasSubstr("1 removed, "));
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("kept"));
}

TEST_F(RunsCommand, CleanWithoutATerminalNeedsYes) {
  const auto refused = run("clean </dev/null");
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("mflux: nobody to ask"));
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
  EXPECT_TRUE(has("a"));
  EXPECT_EQ(run("clean --yes --older-than 7d").code, 0);
  EXPECT_TRUE(has("a"));
  const Json json = parse_json(run("clean --yes --json").out);
  EXPECT_EQ(json["removed"], Json({"a"}));
  EXPECT_EQ(json["kept_locked"], Json({"kept"}));
  EXPECT_FALSE(has("a"));
  EXPECT_EQ(run("clean --yes").code, 0);
  EXPECT_EQ(run("clean kept --yes").code, 1) << "what was named stays";
  EXPECT_TRUE(has("kept"));
}

TEST_F(RunsCommand, CleanRefusesWhatIsNotARunOfThisProject) {
  expect_refused("clean .. --yes", "no run \"..\"");
  expect_refused("clean /etc --yes", "nothing outside of it is removed");
  expect_refused("clean debug_artifacts/../debug_artifacts/.. --yes", "nothing outside");
  expect_refused("clean --older-than 7y --yes", "--older-than: expected an age");
  expect_refused("clean --root / --yes", "is no folder");
  expect_refused("clean --json", "add --yes");
  EXPECT_TRUE(has("a"));
}

TEST_F(RunsCommand, HelpShowsExamples) {
  EXPECT_THAT(run("ls --help").out, HasSubstr("Example: mflux parity ls"));
  EXPECT_THAT(run("clean --help").out, HasSubstr("Example: mflux parity clean"));
}

} // namespace
} // namespace mflux
