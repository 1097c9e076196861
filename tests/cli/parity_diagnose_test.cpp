// `mflux parity diagnose`, run as a user runs it.
#include <cmath>

#include "cli/parity_command.h"
#include "mflux/base/json.h"

namespace mflux {
namespace {

using mflux::testing::floats;
using mflux::testing::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DiagnoseCommand : public mflux::testing::ParityCommand {
 protected:
  void SetUp() override {
    save("ref.npz", [](float x) { return x; });
    save("half.npz", [](float x) { return 0.5f * x; });
    save("odd.npz", [](float x) { return std::sin(40 * x); });
  }

  template <typename Change>
  void save(const std::string& name, Change&& change) const {
    auto values = normal(600, 1);
    for (float& value : values) {
      value = change(value);
    }
    artifacts::write_npz(
        folder / name,
        {{"block.in", floats({20, 30}, normal(600, 2))}, {"block", floats({20, 30}, values)}});
  }
};

TEST_F(DiagnoseCommand, NamesTheCauseWithItsProofAndWhatToTry) {
  const auto found = run("diagnose ref.npz half.npz");
  EXPECT_EQ(found.code, 1) << found.err;
  EXPECT_THAT(
      found.out,
      AllOf(
          HasSubstr("First divergence: block, in block"),
          HasSubstr("scale.constant"),
          HasSubstr("parity try ref.npz half.npz"),
          HasSubstr("FAIL  2 of 2")));
  EXPECT_EQ(run("try ref.npz half.npz block 'scale 2'").code, 0);
}

TEST_F(DiagnoseCommand, JsonIsComparesWithCauses) {
  const Json json = parse_json(run("diagnose ref.npz half.npz --json").out);
  EXPECT_EQ(json["verdict"], "FAIL");
  EXPECT_EQ(json["first_divergence"]["name"], "block");
  ASSERT_EQ(json["causes"].size(), 1u);
  const Json& cause = json["causes"][0];
  EXPECT_EQ(cause["id"], "scale.constant");
  EXPECT_EQ(cause["name"], "block");
  EXPECT_TRUE(cause["step"].is_null());
  EXPECT_DOUBLE_EQ(cause["before"].get<double>(), 0.5);
  EXPECT_LT(cause["after"].get<double>(), 1e-6);
  EXPECT_GT(cause["confidence"].get<double>(), 0.8);
  EXPECT_EQ(cause["transform"], "scale 2");
  EXPECT_NE(cause["fix"], "");
}

TEST_F(DiagnoseCommand, WithoutProofNoName) {
  const auto found = run("diagnose ref.npz odd.npz");
  EXPECT_EQ(found.code, 1);
  EXPECT_THAT(
      found.out, AllOf(HasSubstr("No cause is proven, so none is named."), HasSubstr("ruled out")));
  EXPECT_EQ(parse_json(run("diagnose ref.npz odd.npz --json").out)["causes"], Json::array());
}

TEST_F(DiagnoseCommand, WhatPassesHasNoCause) {
  const auto same = run("diagnose ref.npz ref.npz");
  EXPECT_EQ(same.code, 0);
  EXPECT_EQ(same.out, "PASS  2 of 2 checkpoints compared: 2 PASS\n");
}

TEST_F(DiagnoseCommand, BadInputIsOneLine) {
  expect_refused("diagnose ref.npz none.npz", "none.npz");
  expect_refused("diagnose ref.npz", "ref.npz");
  expect_refused("diagnose", "RUN_OR_REF");
}

} // namespace
} // namespace mflux
