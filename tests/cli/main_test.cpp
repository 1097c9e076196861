// What every command shares: help, errors, streams that cannot be written, signals.
#include <fmt/format.h>

#include <fstream>

#include "gmock/gmock.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using mflux::testing::CommandResult;
using mflux::testing::quoted;
using mflux::testing::run_mflux;
using mflux::testing::run_shell;
using mflux::testing::TemporaryFolder;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The binary with a shell's redirections behind it.
CommandResult redirected(const std::string& rest) {
  return run_shell(fmt::format("{} {}", quoted(MFLUX_BINARY), rest));
}

void expect_refused(const CommandResult& result, const std::string& seen) {
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::AllOf(StartsWith("mflux: "), HasSubstr(seen), EndsWith("\n")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(Command, TellsWhatItCanDo) {
  const auto help = run_mflux({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("parity"));
  EXPECT_EQ(run_mflux({"--version"}).out, MFLUX_VERSION "\n");
}

TEST(Command, EveryHelpHasAnExampleAndTheGlobalFlags) {
  for (const char* command : {"parity", "parity compare", "parity inspect", "tokenize"}) {
    const auto help = redirected(std::string(command) + " --help");
    EXPECT_THAT(help.out, HasSubstr("Example: mflux")) << command;
    EXPECT_THAT(help.out, HasSubstr("--json")) << command;
  }
}

TEST(Command, NamesTheNearestFlagOrCommand) {
  expect_refused(run_mflux({"prity"}), "did you mean parity?");
  expect_refused(
      run_mflux({"parity", "compare", "--tolerance", "x"}), "did you mean --tolerances?");
  expect_refused(run_mflux({}), "--help");
}

TEST(Command, RefusesEmptyValues) {
  expect_refused(
      run_mflux({"parity", "compare", "a", "b", "--map", ""}), "--map was given an empty");
}

TEST(Command, StreamsThatCannotBeWritten) {
  EXPECT_EQ(redirected("--help > /dev/full").code, 2);
  EXPECT_EQ(redirected("parity inspect /nope 2> /dev/full").code, 2);
  EXPECT_EQ(redirected("parity inspect /nope 2>&-").code, 2);
}

/// A .npy of `gigabytes` zeros that takes no disk.
void write_sparse(const std::filesystem::path& path, uint64_t gigabytes) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", gigabytes << 28);
  header.resize(117, ' ');
  std::ofstream(path, std::ios::binary)
      << std::string("\x93NUMPY\x01\0\x76\0", 10) << header << '\n';
  std::filesystem::resize_file(path, 128 + (gigabytes << 30));
}

TEST(Command, AnInterruptIs130) {
  const TemporaryFolder folder;
  write_sparse(folder / "a.npy", 64);
  const auto compare = fmt::format(
      "{} parity compare {} {}",
      quoted(MFLUX_BINARY),
      quoted(folder / "a.npy"),
      quoted(folder / "a.npy"));
  EXPECT_EQ(run_shell("timeout --preserve-status -s INT 0.5 " + compare).code, 130);
  EXPECT_EQ(run_shell("timeout --preserve-status -s TERM 0.5 " + compare).code, 143);
}

} // namespace
} // namespace mflux
