#include "mflux/parity/three_way.h"

#include <fmt/format.h>

#include <cmath>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/parity/compare.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::NamedTensor;
using artifacts::write_npz;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using mflux::testing::tensor_of;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<float> moved(std::vector<float> values, double by, unsigned seed) {
  const auto noise = normal(values.size(), seed);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(values[i] + by * noise[i]);
  }
  return values;
}

class ThreeWay : public ::testing::Test {
 protected:
  Comparison compared(
      const std::vector<NamedTensor>& exact,
      const std::vector<NamedTensor>& ref,
      const std::vector<NamedTensor>& port) {
    write_npz(folder / "ref32.npz", exact);
    write_npz(folder / "ref.npz", ref);
    write_npz(folder / "mlx.npz", port);
    options.ref32 = folder / "ref32.npz";
    return compare(options);
  }

  /// A reference that is off by `own`, a port that is off by `error`.
  Row only(double own, double error) {
    return compared(
               {row("x", exact)},
               {row("x", moved(exact, own, 2))},
               {row("x", moved(exact, error, 3))})
        .rows.at(0);
  }

  const std::vector<float> exact = normal(4096, 1);
  TemporaryFolder folder;
  CompareOptions options{folder / "ref.npz", folder / "mlx.npz", {}, {}, {}, 1};
};

TEST_F(ThreeWay, TheRatioReplacesTheTolerance) {
  const Row near = only(1e-3, 1.5e-3);
  EXPECT_EQ(near.verdict, Verdict::pass); // 1e-5 would not have passed it
  EXPECT_NEAR(*near.ref32_error, 1e-3, 1e-4);
  EXPECT_NEAR(*near.port32_error, 1.5e-3, 1e-4);
  EXPECT_NEAR(*near.ratio, 1.5, 0.1);
  EXPECT_EQ(
      near.rule,
      fmt::format(
          "ratio {:.2g} of 2 against ref32 (reference's own error {:.1e})",
          *near.ratio,
          *near.ref32_error));
  EXPECT_FALSE(near.tolerance);
  EXPECT_EQ(only(1e-3, 2.5e-3).verdict, Verdict::fail);
  options.max_ratio = 3;
  EXPECT_EQ(only(1e-3, 2.5e-3).verdict, Verdict::pass);
}

TEST_F(ThreeWay, TheOwnErrorIsNeverTakenToBeLessThanAMillionth) {
  EXPECT_EQ(only(1e-7, 1.8e-6).verdict, Verdict::pass);
  EXPECT_EQ(only(1e-7, 2.4e-6).verdict, Verdict::fail);
}

TEST_F(ThreeWay, AReferenceThatIsFarOffItselfProvesNothing) {
  const Row far = only(0.11, 0.11);
  EXPECT_EQ(far.verdict, Verdict::inconclusive);
  EXPECT_THAT(far.rule, HasSubstr("own error 1.1e-01 against ref32 is above 0.1"));
  EXPECT_EQ(only(0.11, 1).verdict, Verdict::inconclusive);
  EXPECT_EQ(only(0.09, 0.09).verdict, Verdict::pass);
}

TEST_F(ThreeWay, WhereTheReferenceIsExactTheToleranceStays) {
  const Row pass = only(0, 1e-7);
  EXPECT_EQ(pass.verdict, Verdict::pass);
  EXPECT_FALSE(pass.ratio);
  EXPECT_EQ(pass.ref32_error, 0);
  EXPECT_EQ(pass.rule, "default for float32; the reference equals ref32");
  EXPECT_EQ(only(0, 1e-4).verdict, Verdict::fail);
}

TEST_F(ThreeWay, IntegersMustBeEqual) {
  const auto ids = [](int third) {
    return NamedTensor{"x", tensor_of<int32_t>(Dtype::int32, {3}, {1, 2, third})};
  };
  EXPECT_EQ(compared({ids(4)}, {ids(3)}, {ids(4)}).verdict, Verdict::fail);
  EXPECT_EQ(compared({ids(4)}, {ids(3)}, {ids(3)}).verdict, Verdict::pass);
}

TEST_F(ThreeWay, NonFiniteValuesAndShapesAreJudgedAsEver) {
  auto bad = exact;
  bad[5] = INFINITY;
  const auto named = [](const std::vector<float>& values) { return std::vector{row("x", values)}; };
  const auto ref = moved(exact, 1e-3, 2);
  EXPECT_EQ(compared(named(exact), named(ref), named(bad)).verdict, Verdict::nonfinite);
  auto bad_ref = ref;
  bad_ref[5] = INFINITY;
  EXPECT_EQ(compared(named(exact), named(bad_ref), named(bad)).verdict, Verdict::inconclusive);
  EXPECT_EQ(
      compared(named(exact), named(ref), {{"x", mflux::testing::floats({64, 64}, ref)}}).verdict,
      Verdict::shape);
}

TEST_F(ThreeWay, WhatRef32LacksIsJudgedByToleranceAndSaid) {
  const auto ref = moved(exact, 1e-3, 2);
  const auto result = compared(
      {row("a_step_1", exact)},
      {row("a@step=1", ref), row("b", ref)},
      {row("a@step=1", moved(exact, 1e-3, 3)), row("b", moved(exact, 1e-3, 3))});
  EXPECT_EQ(result.rows[0].verdict, Verdict::pass);
  EXPECT_EQ(result.rows[1].verdict, Verdict::fail);
  EXPECT_EQ(result.rows[1].rule, "default for float32");
  EXPECT_THAT(
      result.remarks,
      Contains("ref32 lacks 1 of the compared checkpoints, where the tolerance decides: b"));
}

TEST_F(ThreeWay, AnotherShapeInRef32LeavesTheTolerance) {
  const auto ref = moved(exact, 1e-3, 2);
  const Row odd =
      compared({{"x", mflux::testing::floats({64, 64}, exact)}}, {row("x", ref)}, {row("x", ref)})
          .rows.at(0);
  EXPECT_EQ(odd.verdict, Verdict::pass);
  EXPECT_FALSE(odd.ratio);
  EXPECT_THAT(
      odd.notes, Contains("ref32 has the shape [64, 64], not [4096]: the tolerance decides"));
}

TEST_F(ThreeWay, ARuleMayHaveItsOwnRatio) {
  options.tolerances = folder / "t.toml";
  write_file(folder / "t.toml", "[[tolerance]]\nmatch = 'x'\natol = 0\nrtol = 0\nmax_ratio = 3\n");
  const Row loose = only(1e-3, 2.5e-3);
  EXPECT_EQ(loose.verdict, Verdict::pass);
  EXPECT_THAT(loose.rule, StartsWith("ratio 2.5 of 3 against ref32"));
}

TEST_F(ThreeWay, ACropIsCutOutOfAllThree) {
  std::filesystem::create_directory(folder / "ref");
  auto ref = moved(exact, 1e-3, 2);
  ref[0] = 50; // outside of the crop
  const std::vector<float> crop(ref.begin() + 8, ref.end());
  write_npz(folder / "ref" / "a.npz", {row("x", crop)});
  write_file(
      folder / "ref" / "manifest.json",
      R"({"schema": 1, "checkpoints": [{"name": "x", "file": "a.npz", "key": "x", "slice": [[8, 4096]]}]})");
  options.ref = folder / "ref";
  const Row sliced =
      compared({row("x", exact)}, {row("unused", {1})}, {row("x", moved(exact, 1e-3, 3))})
          .rows.at(0);
  EXPECT_EQ(sliced.verdict, Verdict::pass);
  EXPECT_NEAR(*sliced.ratio, 1, 0.1);
}

TEST_F(ThreeWay, AnIdleRuleIsSaid) {
  options.tolerances = folder / "t.toml";
  options.allow_missing = {"y*", "x"};
  write_file(folder / "t.toml", "[[tolerance]]\nmatch = 'vea.*'\natol = 0\nrtol = 0\n");
  write_npz(folder / "ref.npz", {row("x", exact)});
  write_npz(folder / "mlx.npz", {row("x", exact)});
  EXPECT_THAT(
      compare(options).remarks,
      ::testing::ElementsAre(
          "t.toml, vea.*: the rule matches no checkpoint of the reference",
          "--allow-missing y* matches no checkpoint of the reference"));
}

} // namespace
} // namespace mflux::parity
