// `mflux parity bisect`, run as a user runs it: the two sides are small shell scripts.
#include <sys/stat.h>

#include "cli/parity_command.h"
#include "mflux/artifacts/seen.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"

namespace mflux {
namespace {

using mflux::testing::floats;
using mflux::testing::normal;
using mflux::testing::quoted;
using mflux::testing::run_shell;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<std::string> kNames{
    "net.in", "net.a b.in", "net.a b", "net.list.0.in", "net.list.0", "net"};

/// Copies what is asked for out of `made`: the list of all, or the tensors named by MFLUX_TAPS.
constexpr const char* kByEnvironment = R"(#!/bin/sh
if [ -n "$MFLUX_SURVEY" ]; then cp "$1/manifest.json" "$MFLUX_CAPTURE/"; exit; fi
echo "$MFLUX_TAPS" | while IFS= read -r tap; do cp "$1/$tap.npy" "$MFLUX_CAPTURE/" || exit 1; done
)";

/// The same by arguments: MADE OUT TAP…
constexpr const char* kByArguments = R"(#!/bin/sh
unset MFLUX_CAPTURE MFLUX_TAPS
made=$1; out=$2; shift 2
if [ "$1" = '*' ]; then cp "$made/manifest.json" "$out/"; exit; fi
for tap in "$@"; do cp "$made/$tap.npy" "$out/"; done
)";

class BisectCommand : public mflux::testing::ParityCommand {
 protected:
  void SetUp() override {
    make("made_ref", 0);
    make("made_mlx", kNames.size());
    make("made_bad", 4);
    write("env.sh", kByEnvironment);
    write("args.sh", kByArguments);
  }

  void write(const std::string& name, const std::string& text) const {
    write_file(folder / name, text);
    chmod((folder / name).c_str(), 0755);
  }

  /// One side's tensors, off from the checkpoint number `bad` on, and the list of them.
  void make(const std::string& side, size_t bad) const {
    std::filesystem::create_directory(folder / side);
    std::vector<artifacts::SeenCheckpoint> seen;
    for (size_t i = 0; i < kNames.size(); ++i) {
      auto values = normal(64, static_cast<unsigned>(i));
      values[0] += bad > 0 && i >= bad ? 1 : 0;
      artifacts::write_npy(folder / side / (kNames[i] + ".npy"), floats({64}, values));
      seen.push_back({kNames[i], 256});
    }
    artifacts::write_seen(folder / side / "manifest.json", {}, seen);
  }

  std::string text_of(const std::string& name) const {
    return read_file(folder / name);
  }
};

constexpr const char* kEnv = "--ref './env.sh made_ref' --mlx './env.sh made_bad'";

TEST_F(BisectCommand, FindsTheBadModule) {
  const auto outcome = run(std::string("bisect run ") + kEnv);
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      AllOf(
          StartsWith("survey: 6 checkpoints on both sides"),
          HasSubstr("\nround 1: "),
          HasSubstr("FAIL  first bad module: net.list.0\n"),
          HasSubstr("next: mflux parity report run\n")));
  EXPECT_EQ(run("compare run").code, 1) << "the last round is there";
  const auto again = run(std::string("bisect run ") + kEnv);
  EXPECT_THAT(again.out, AllOf(StartsWith("going on after 1"), HasSubstr("net.list.0\n")));
}

TEST_F(BisectCommand, PlaceholdersAreWordsOfTheirOwn) {
  const auto outcome =
      run("bisect 'my run' --max-bytes 2KB --ref './args.sh made_ref {out} {taps}' "
          "--port './args.sh made_bad {out} {taps}'");
  EXPECT_EQ(outcome.code, 1) << outcome.err << text_of("my run/ref.log");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\nround 2: "), HasSubstr("net.list.0\n")));
  EXPECT_THAT(outcome.out, HasSubstr("next: mflux parity diagnose 'my run'"));
}

TEST_F(BisectCommand, EqualRunsPass) {
  const auto outcome = run("bisect run --ref './env.sh made_ref' --mlx './env.sh made_ref'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("PASS  nothing fails\n"));
  const auto json = run("bisect other --json --ref './env.sh made_ref' --mlx './env.sh made_ref'");
  EXPECT_EQ(parse_json(json.out)["verdict"], "PASS");
  EXPECT_TRUE(parse_json(json.out)["first_divergence"].is_null());
}

TEST_F(BisectCommand, JsonSaysTheSame) {
  const auto outcome = run(std::string("bisect run --json ") + kEnv);
  EXPECT_EQ(outcome.code, 1);
  const Json json = parse_json(outcome.out);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["verdict"], "FAIL");
  EXPECT_EQ(json["module"], "net.list.0");
  EXPECT_EQ(json["kind"], "leaf");
  EXPECT_EQ(json["first_divergence"]["name"], "net.list.0");
  EXPECT_TRUE(json["first_divergence"]["step"].is_null());
  EXPECT_GT(json["found"]["gain"], 1e3);
  EXPECT_EQ(json["rounds"][0]["checkpoints"], 6);
}

TEST_F(BisectCommand, FailingCommandsAreOneLine) {
  expect_refused(
      "bisect run --quiet --ref 'echo one; echo two >&2; exit 3' --mlx true",
      "the ref command: it ended with exit status 3: one | two");
  expect_refused("bisect run2 --ref 'kill -9 $$' --mlx true", "ended by signal 9");
  expect_refused("bisect run3 --ref ./no-such --mlx true", "exit status 127");
  expect_refused(
      "bisect run4 --ref './args.sh made_ref elsewhere {taps}' --mlx true", "exit status 1");
  expect_refused("bisect run5 --ref true --mlx true", "left no dump in {out}");
  expect_refused("bisect run6 --ref './env.sh made_ref' --mlx true --quiet", "the mlx command");
}

TEST_F(BisectCommand, BadInputIsOneLine) {
  run(std::string("bisect run ") + kEnv);
  expect_refused("bisect run --ref other --mlx true", "another command for the reference");
  write("run/state.json", "{}");
  expect_refused(std::string("bisect run ") + kEnv, "--restart begins again");
  EXPECT_EQ(run(std::string("bisect run --restart ") + kEnv).code, 1);
  expect_refused(std::string("bisect env.sh ") + kEnv, "cannot make the folder env.sh");
  expect_refused(std::string("bisect /proc/x ") + kEnv, "/proc/x");
  std::filesystem::create_directories(folder / "mine/ref");
  expect_refused(std::string("bisect mine --restart ") + kEnv, "no bisection made it");
  expect_refused("bisect run --ref x", "--mlx");
  expect_refused("bisect run --ref '' --mlx x", "--ref");
  expect_refused(std::string("bisect run --max-bytes many ") + kEnv, "--max-bytes");
  EXPECT_THAT(run("bisect --help").out, AllOf(HasSubstr("Example: mflux"), HasSubstr("{taps}")));
}

// Whatever ends the command ends what it runs.
TEST_F(BisectCommand, ASignalEndsBothAndTheNextCallGoesOn) {
  write("slow.sh", "#!/bin/sh\necho begun > begun\nsleep 1\necho late > late\n");
  const auto outcome = run_shell(fmt::format(
      "cd {}; {} parity bisect run --ref ./slow.sh --mlx true & child=$!; "
      "while [ ! -s begun ]; do sleep 0.05; done; kill -TERM $child; wait $child; code=$?; "
      "sleep 1.5; exit $code",
      quoted(folder.path().string()),
      quoted(MFLUX_BINARY)));
  EXPECT_EQ(outcome.code, 143);
  EXPECT_FALSE(std::filesystem::exists(folder / "late")) << "the command ran on";
  write("slow.sh", "#!/bin/sh\nexec ./env.sh made_ref\n");
  EXPECT_EQ(run("bisect run --ref ./slow.sh --mlx true").code, 2);
  EXPECT_EQ(run("bisect run --ref ./slow.sh --mlx './env.sh made_ref'").code, 2);
  EXPECT_EQ(run("bisect run --restart --ref ./slow.sh --mlx './env.sh made_ref'").code, 0);
}

} // namespace
} // namespace mflux
