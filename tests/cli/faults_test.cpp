// Files that shrink while they are read, disks that are full, folders that cannot be written.
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/signals.h"
#include "gmock/gmock.h"
#include "mflux/artifacts/mapped_names.h"
#include "mflux/artifacts/tensor.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;

using mflux::testing::CommandResult;
using mflux::testing::quoted;
using mflux::testing::run_shell;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

/// A .npy of `gigabytes` zeros that takes no disk.
void write_sparse(const fs::path& path, uint64_t gigabytes) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", gigabytes << 28);
  header.resize(117, ' ');
  std::ofstream(path, std::ios::binary)
      << std::string("\x93NUMPY\x01\0\x76\0", 10) << header << '\n';
  fs::resize_file(path, 128 + (gigabytes << 30));
}

std::string mflux(const std::string& arguments) {
  return fmt::format("{} {}", quoted(MFLUX_BINARY), arguments);
}

void expect_line(const CommandResult& result, const std::string& seen) {
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.err, ::testing::AllOf(::testing::StartsWith("mflux: "), HasSubstr(seen)));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

/// A dump of two tensors and one of it in which the second differs.
class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    artifacts::write_npz(folder / "a.npz", {testing::row("x", testing::normal(1000, 1))});
    artifacts::write_npz(folder / "b.npz", {testing::row("x", testing::normal(1000, 2))});
  }

  std::string both() const {
    return quoted(folder / "a.npz") + " " + quoted(folder / "b.npz");
  }

  TemporaryFolder folder;
};

TEST(MappedNames, AreThoseOfLivingMappings) {
  const char bytes[8] = {};
  {
    const artifacts::MappedName first(bytes, 4, "a\nb");
    const artifacts::MappedName second(bytes + 4, 4, "c");
    EXPECT_STREQ(artifacts::mapped_name_at(bytes), "a\\x0ab");
    EXPECT_STREQ(artifacts::mapped_name_at(bytes + 3), "a\\x0ab");
    EXPECT_STREQ(artifacts::mapped_name_at(bytes + 4), "c");
  }
  EXPECT_EQ(artifacts::mapped_name_at(bytes), nullptr);
  const artifacts::MappedName again(bytes, 1, "d");
  EXPECT_STREQ(artifacts::mapped_name_at(bytes), "d");
  EXPECT_EQ(artifacts::mapped_name_at(bytes + 1), nullptr);
}

TEST(CutFile, IsNamedAndNothingHalfWrittenStays) {
  const TemporaryFolder folder;
  const auto input = folder / "in.npy";
  write_sparse(input, 1);
  EXPECT_EXIT(
      {
        cli::handle_signals();
        AtomicFile output(folder / "out.npz");
        output.write("half");
        const auto mapped = artifacts::map_file(input.string());
        fs::resize_file(input, 4096);
        std::exit(static_cast<int>(mapped->bytes()[1 << 29]));
      },
      ::testing::ExitedWithCode(2),
      "mflux: .*in.npy was cut off while it was read");
  EXPECT_THAT(names_in(folder.path()), ::testing::ElementsAre("in.npy"));
}

/// The file is cut at a later time in each try, until the command is hit while it reads.
TEST(CutFile, IsOneLineOfTheCommand) {
  const TemporaryFolder folder;
  const auto input = folder / "a.npy";
  for (int tenths = 3; tenths < 30; ++tenths) {
    write_sparse(input, 256);
    const auto result = run_shell(fmt::format(
        "{} & sleep {}.{}; truncate -s 4096 {}; wait $!",
        mflux(fmt::format("parity compare {0} {0}", quoted(input))),
        tenths / 10,
        tenths % 10,
        quoted(input)));
    expect_line(result, input.string());
    if (result.err.find("was cut off while it was read") != std::string::npos) {
      return;
    }
  }
  FAIL() << "the file was never cut while it was read";
}

TEST_F(Faults, StandardOutputThatIsFull) {
  for (const std::string& command :
       {"parity compare " + both(),
        "parity compare --json " + both(),
        "parity inspect " + both(),
        "parity inspect --json " + both()}) {
    expect_line(run_shell(mflux(command) + " > /dev/full"), "cannot write to standard output");
    expect_line(run_shell(mflux(command) + " >&-"), "cannot write to standard output");
    // A limit on the size of files: the signal that tells of it would end the process.
    const auto limited = fmt::format(
        "(ulimit -f 0; {} > {}) 2>&1 | cat >&2; exit ${{PIPESTATUS[0]}}",
        mflux(command),
        quoted(folder / "out.txt"));
    expect_line(run_shell("bash -c " + quoted(limited)), "cannot write to standard output");
  }
}

TEST_F(Faults, NoRoomForInflatedData) {
  const auto zeros = folder / "zeros.npz";
  std::vector<std::byte> bytes(size_t{80} << 20);
  artifacts::write_npz(
      zeros,
      {{"x", artifacts::make_tensor(artifacts::Dtype::uint8, {80 << 20}, std::move(bytes))}},
      artifacts::Compression::deflated);
  const auto inspect = mflux("parity inspect " + quoted(zeros));
  EXPECT_EQ(run_shell(inspect).code, 0);
  const auto limited = fmt::format("ulimit -f 64; {}", inspect);
  expect_line(run_shell("bash -c " + quoted(limited)), "File too large (TMPDIR chooses another");
  expect_line(run_shell("TMPDIR=/proc " + inspect), "cannot write the temporary file /proc/mflux-");
  expect_line(run_shell("TMPDIR=/nope " + inspect), "TMPDIR names none");
}

/// Gives this process `folder` as a file system of its own; false where that may not be done.
bool mount_at(const fs::path& folder, unsigned long flags, const char* options) {
  const auto user = getuid();
  const auto group = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return false;
  }
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << fmt::format("0 {} 1", user);
  std::ofstream("/proc/self/gid_map") << fmt::format("0 {} 1", group);
  return mount("none", folder.c_str(), "tmpfs", flags, options) == 0;
}

constexpr int kMayNotMount = 77;

/// Writes a file where it cannot be written; ends with what the error says on standard error.
[[noreturn]] void write_on(const fs::path& folder, unsigned long flags, const char* options) {
  if (!mount_at(folder, flags, options)) {
    std::exit(kMayNotMount);
  }
  try {
    AtomicFile file(folder / "out");
    file.write(std::string(100'000, 'x'));
    file.commit();
  } catch (const Error& error) {
    const auto left = fs::is_empty(folder) ? "nothing" : "something";
    std::exit((fmt::print(stderr, "{}; {} is left", one_line(error), left), 2));
  }
  std::exit(0);
}

/// Whether write_on() may be tried here.
bool may_mount(const fs::path& folder) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(mount_at(folder, 0, "size=64k") ? 0 : kMayNotMount);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST(Disk, FullOrReadOnlyLeavesNothing) {
  const TemporaryFolder folder;
  if (!may_mount(folder.path())) {
    GTEST_SKIP() << "no file system may be mounted here";
  }
  const auto exits = ::testing::ExitedWithCode(2);
  EXPECT_EXIT(
      write_on(folder.path(), 0, "size=64k"),
      exits,
      "cannot write .*/out: No space left on device; nothing is left");
  EXPECT_EXIT(
      write_on(folder.path(), MS_RDONLY, "size=64k"),
      exits,
      "cannot write .*/out: Read-only file system; nothing is left");
}

/// Everywhere: a limit on the size of files, and a folder where not even root may write.
TEST(Disk, LimitsAndForeignFolders) {
  const TemporaryFolder folder;
  EXPECT_EXIT(
      {
        cli::handle_signals();
        rlimit limit{};
        limit.rlim_cur = limit.rlim_max = 4096;
        setrlimit(RLIMIT_FSIZE, &limit);
        try {
          write_file(folder / "out", std::string(100'000, 'x'));
        } catch (const Error& error) {
          fmt::print(stderr, "{}", one_line(error));
        }
        std::exit(fs::is_empty(folder.path()) ? 2 : 1);
      },
      ::testing::ExitedWithCode(2),
      "cannot write .*/out: File too large");
  EXPECT_THAT(
      testing::error_of([] { write_file("/proc/out", "x"); }),
      HasSubstr("cannot write /proc/out: "));
}

} // namespace
} // namespace mflux
