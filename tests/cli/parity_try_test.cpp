// `mflux parity try`, run as a user runs it.
#include <algorithm>

#include "cli/parity_command.h"
#include "mflux/base/json.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux {
namespace {

using mflux::testing::floats;
using mflux::testing::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TryCommand : public mflux::testing::ParityCommand {
 protected:
  void SetUp() override {
    const auto x = floats({3, 8}, normal(24, 1));
    artifacts::write_npy(folder / "ref.npy", x);
    artifacts::write_npy(
        folder / "mlx.npy", parity::transformed(parity::parse_chain("permute 1,0"), x));
  }
};

TEST_F(TryCommand, ExitCodesAreTheVerdictAfterwards) {
  const auto outcome = run("try ref.npy mlx.npy --transform 'permute 1,0'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      AllOf(
          HasSubstr("SHAPE → PASS"),
          HasSubstr("[8, 3] → [3, 8]"),
          HasSubstr("PASS  1 of 1 checkpoints pass with the port after permute 1,0")));
  EXPECT_EQ(run("try ref.npy mlx.npy --transform 'reshape 3,8'").code, 1);
  EXPECT_EQ(run("try ref.npy mlx.npy --transform 'permute 1,0' --side ref").code, 0);
}

TEST_F(TryCommand, ArgumentsDoWithoutFlags) {
  EXPECT_EQ(run("try ref.npy mlx.npy 'permute 1,0'").code, 0);
  EXPECT_EQ(run("try ref.npy mlx.npy 'cast bf16'").code, 1);
  EXPECT_EQ(run("try ref.npy ref.npy ref 'rope half | rope interleaved'").code, 0);
  std::filesystem::create_directories(folder / "run/ref");
  std::filesystem::create_directories(folder / "run/mlx");
  std::filesystem::copy(folder / "ref.npy", folder / "run/ref/a.npy");
  std::filesystem::copy(folder / "mlx.npy", folder / "run/mlx/a.npy");
  EXPECT_EQ(run("try run a 'permute 1,0'").code, 0);
  EXPECT_EQ(run("try run 'permute 1,0'").code, 0);
  EXPECT_EQ(run("try run/ref run/mlx a 'permute 1,0'").code, 0);
  EXPECT_EQ(run("try run a --transform 'permute 1,0'").code, 0);
  expect_refused("try run b 'permute 1,0'", "matches \"b\"");
}

TEST_F(TryCommand, ACheckpointOptionLeavesTheTransform) {
  EXPECT_EQ(run("try ref.npy mlx.npy --checkpoint ref 'permute 1,0'").code, 0);
}

TEST_F(TryCommand, JsonHasBothScores) {
  const Json json =
      parse_json(run("try ref.npy ref.npy --transform 'scale 2|scale 0.25' --json").out);
  EXPECT_EQ(json["transform"], "scale 2 | scale 0.25");
  EXPECT_EQ(json["side"], "port");
  EXPECT_EQ(json["checkpoints"][0]["before"]["verdict"], "PASS");
  EXPECT_EQ(json["checkpoints"][0]["after"]["rel_l2"], 0.5);
  EXPECT_EQ(json["checkpoints"][0]["after"]["verdict"], "FAIL");
}

TEST_F(TryCommand, BadInputIsOneLine) {
  expect_refused("try ref.npy mlx.npy --transform 'permutate 1,0'", "did you mean permute?");
  expect_refused("try ref.npy mlx.npy --transform ''", "--transform was given an empty value");
  expect_refused("try ref.npy mlx.npy --transform 'permute 1,2'", "no axis 2");
  expect_refused("try ref.npy mlx.npy --transform 'reshape 5,5'", "24 elements");
  expect_refused("try ref.npy mlx.npy", "expected a transform");
  expect_refused("try ref.npy", "expected a transform");
  expect_refused("try ref.npy mlx.npy ''", "empty");
  expect_refused("try ref.npy mlx.npy '|'", "empty");
  expect_refused("try ref.npy mlx.npy mlx negate more", "more");
  expect_refused("try ref.npy mlx.npy --transform negate --side left", "--side");
  expect_refused("try ref.npy mlx.npy --transform negate --checkpoint b", "matches \"b\"");
  expect_refused("try ref.npy none.npy --transform negate", "none.npy");
  expect_refused("try ref.npy --transform negate", "expected a run folder");
}

TEST_F(TryCommand, HelpListsTheTransforms) {
  EXPECT_THAT(run("try --help").out, AllOf(HasSubstr("Example: mflux"), HasSubstr("swap_halves")));
}

} // namespace
} // namespace mflux
