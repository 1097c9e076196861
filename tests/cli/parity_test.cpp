// The built command, run as a user runs it.
#include <fmt/format.h>

#include <algorithm>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "support/dumps.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using artifacts::write_npy;
using artifacts::write_npz;
using artifacts::write_safetensors;
using mflux::testing::CommandResult;
using mflux::testing::normal;
using mflux::testing::quoted;
using mflux::testing::row;
using mflux::testing::run_shell;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ParityCommand : public ::testing::Test {
 protected:
  /// `arguments` as a shell takes them, in the test's folder.
  CommandResult run(const std::string& arguments) const {
    return run_shell(fmt::format(
        "cd {} && {} parity {}", quoted(folder.path().string()), quoted(MFLUX_BINARY), arguments));
  }

  /// Exit 2, one line on standard error that holds `seen`, nothing else.
  void expect_refused(const std::string& arguments, const std::string& seen) const {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("mflux: "), HasSubstr(seen)));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }

  void write(const std::string& name, const std::vector<float>& values) const {
    write_npz(folder / name, {row("a", values), row("b", normal(9, 3))});
  }

  /// ref.npz, same.npz and other.npz, which differs.
  void write_three() const {
    write("ref.npz", {1, 2});
    write("same.npz", {1, 2});
    write("other.npz", {1, 3});
  }

  TemporaryFolder folder;
};

TEST_F(ParityCommand, ExitCodesAreTheVerdict) {
  write("ref.npz", {1, 2});
  write("same.npz", {1, 2});
  write("other.npz", {1, 3});
  write_npz(folder / "less.npz", {row("b", normal(9, 3))});
  EXPECT_EQ(run("compare ref.npz same.npz").code, 0);
  const auto outcome = run("compare ref.npz other.npz");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("First divergence: a"));
  EXPECT_EQ(run("compare ref.npz less.npz").code, 1);
  EXPECT_EQ(run("compare ref.npz less.npz --allow-missing 'a*' --allow-missing c").code, 0);
}

TEST_F(ParityCommand, JsonIsOneValidObject) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write("ref.npz", {1, nan});
  write("mlx.npz", {nan, 2});
  const auto outcome = run("compare ref.npz mlx.npz --json");
  EXPECT_EQ(outcome.code, 1);
  const Json json = parse_json(outcome.out);
  EXPECT_EQ(json["verdict"], "NONFINITE");
  EXPECT_EQ(json["checkpoints"][0]["max_abs"], nullptr);
  const auto inspected = run("inspect ref.npz --json");
  EXPECT_EQ(parse_json(inspected.out)["files"][0]["tensors"][0]["nan"], 1);
}

TEST_F(ParityCommand, HostileNamesReachNoTerminal) {
  write_npz(folder / "ref.npz", {row("a\x1b[31m", {1})});
  write_npz(folder / "mlx.npz", {row("a\x1b[31m", {2})});
  const auto outcome = run("compare ref.npz mlx.npz");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run("inspect ref.npz").out, Not(HasSubstr("\x1b")));
}

TEST_F(ParityCommand, RefusesWhatIsNotThere) {
  write("ref.npz", {1, 2});
  std::filesystem::create_directory(folder / "empty");
  expect_refused("compare ref.npz none.npz", "none.npz: does not exist");
  expect_refused("compare none ref.npz", "none: does not exist");
  expect_refused("compare none", "none: does not exist");
  expect_refused("compare empty ref.npz", "holds no tensors");
  expect_refused("compare ref.npz", "expected a run folder that holds ref/ and mlx/");
  expect_refused("compare ref.npz ref.npz --map none.toml", "none.toml");
  expect_refused("compare ref.npz ref.npz --tolerances none.toml", "none.toml");
  expect_refused("inspect none.npy", "none.npy");
}

TEST_F(ParityCommand, RefusesUnknownFlags) {
  expect_refused("compare a b --tolerance x", "did you mean --tolerances?");
  expect_refused("compare", "RUN_OR_REF");
  expect_refused("inspect", "FILE");
  expect_refused("compare a b --threads -1", "--threads");
  expect_refused("compare a b c", "does not know \"c\"");
  expect_refused("comprae a b", "did you mean compare?");
}

TEST_F(ParityCommand, RefusesBrokenSettings) {
  write("ref.npz", {1, 2});
  write_file(folder / "bad.toml", "[[tolerance]]\nmatch = 1");
  expect_refused("compare ref.npz ref.npz --tolerances bad.toml", "bad.toml: line 1");
  expect_refused("compare ref.npz ref.npz --map bad.toml", "bad.toml: holds no [[rename]] table");
}

TEST_F(ParityCommand, LimitsAreNumbersAboveZero) {
  write_three();
  for (const char* limit : {"nan", "inf", "0", "-1", "1e999", "x", "''"}) {
    expect_refused(fmt::format("compare ref.npz same.npz --max-ratio={}", limit), "--max-ratio");
  }
  for (const char* size : {"nan", "0", "-1", "1.5", "99999999999999999999"}) {
    expect_refused(fmt::format("lock run --max-bytes={}", size), "--max-bytes");
  }
}

TEST_F(ParityCommand, AnOptionTakesOneValueAndLeavesTheDumps) {
  write_three();
  EXPECT_EQ(run("compare --allow-missing 'x*' ref.npz same.npz").code, 0);
  EXPECT_EQ(run("compare --allow-missing a --allow-missing b ref.npz same.npz").code, 0);
}

TEST_F(ParityCommand, QuietIsTheVerdictAlone) {
  write_three();
  const auto quiet = run("compare -q ref.npz other.npz");
  EXPECT_EQ(quiet.code, 1);
  EXPECT_EQ(std::count(quiet.out.begin(), quiet.out.end(), '\n'), 1) << quiet.out;
  EXPECT_EQ(run("compare ref.npz other.npz --quiet").out, quiet.out);
}

TEST_F(ParityCommand, ReportWritesOverNothingThatIsCompared) {
  write_three();
  const auto before = read_file(folder / "ref.npz");
  expect_refused("report ref.npz other.npz --out ref.npz", "ref.npz, which is compared");
  expect_refused("report ref.npz other.npz --json other.npz", "other.npz, which is compared");
  expect_refused("report ref.npz other.npz --out p.html --junit ./p.html", "given for two outputs");
  std::filesystem::create_directories(folder / "run/ref");
  std::filesystem::create_directories(folder / "run/mlx");
  std::filesystem::copy(folder / "ref.npz", folder / "run/ref/a.npz");
  std::filesystem::copy(folder / "ref.npz", folder / "run/mlx/a.npz");
  expect_refused("report run --junit run/mlx/junit.xml", "which is compared");
  EXPECT_EQ(read_file(folder / "ref.npz"), before);
  EXPECT_FALSE(std::filesystem::exists(folder / "p.html"));
  EXPECT_EQ(run("report run").code, 0);
}

TEST_F(ParityCommand, HelpShowsAnExample) {
  EXPECT_THAT(run("compare --help").out, HasSubstr("Example: mflux parity compare"));
  EXPECT_THAT(run("inspect --help").out, HasSubstr("Example: mflux parity inspect"));
}

TEST_F(ParityCommand, InspectShowsWhatAFileHolds) {
  write_npz(folder / "a.npz", {row("latents", {1, 2, -4})});
  const auto outcome = run("inspect a.npz");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(
      outcome.out, AllOf(HasSubstr("latents"), HasSubstr("[1, 2, -4]"), HasSubstr("float32")));
}

/// Every file cut at many lengths, and with one byte changed at many places: a verdict or one line.
class DamagedFile : public ParityCommand, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::vector<artifacts::NamedTensor> tensors = {
        row("a", normal(40, 1)), row("b", normal(9, 3))};
    const std::string name = GetParam();
    if (name == "x.npz") {
      write_npz(folder / name, tensors, artifacts::Compression::deflated);
    } else if (name == "x.npy") {
      write_npy(folder / name, tensors[0].tensor);
    } else {
      write_safetensors(folder / name, tensors);
    }
    std::filesystem::copy(folder / name, folder / ("good" + name.substr(1)));
    bytes = read_file(folder / name);
    compare = "compare good" + name.substr(1) + " " + name;
  }

  std::string bytes, compare;
};

INSTANTIATE_TEST_SUITE_P(
    Formats, DamagedFile, ::testing::Values("x.npz", "x.npy", "x.safetensors"));

TEST_P(DamagedFile, CutShortIsRefused) {
  for (size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 12) {
    write_file(folder / GetParam(), bytes.substr(0, length));
    expect_refused(compare, GetParam());
    expect_refused(std::string("inspect ") + GetParam(), GetParam());
  }
}

TEST_P(DamagedFile, OneWrongByteIsRefusedOrCompared) {
  for (size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 40) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x15);
    write_file(folder / GetParam(), wrong);
    const auto outcome = run(compare);
    EXPECT_THAT(outcome.code, ::testing::AnyOf(0, 1, 2)) << at;
    if (outcome.code == 2) {
      EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
  }
}

TEST_P(DamagedFile, AnotherFormatUnderThisNameIsRefused) {
  write_file(folder / GetParam(), "this is no tensor file, but a text of some length");
  expect_refused(compare, GetParam());
}

TEST_F(ParityCommand, ReportExitsAsCompareAndWritesWhatWasAsked) {
  write_three();
  EXPECT_EQ(run("report ref.npz same.npz").code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "report.html"));
  const auto fails = run("report ref.npz other.npz --out p.html --json r.json --junit j.xml");
  EXPECT_EQ(fails.code, 1) << fails.err;
  EXPECT_THAT(fails.out, AllOf(StartsWith("FAIL  2 of 2"), HasSubstr("report: p.html\n")));
  EXPECT_EQ(read_file(folder / "r.json"), run("diagnose ref.npz other.npz --json").out);
  EXPECT_THAT(read_file(folder / "j.xml"), HasSubstr("<failure type=\"FAIL\""));
  EXPECT_THAT(read_file(folder / "p.html"), StartsWith("<!doctype html>"));
  expect_refused("report ref.npz missing.npz --out q.html", "missing.npz");
  EXPECT_FALSE(std::filesystem::exists(folder / "q.html"));
  expect_refused("report ref.npz same.npz --out no/q.html", "no/q.html");
}

} // namespace
} // namespace mflux
