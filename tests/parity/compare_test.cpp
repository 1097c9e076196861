#include "mflux/parity/compare.h"

#include <fmt/format.h>

#include <limits>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::NamedTensor;
using artifacts::write_npz;
using mflux::testing::error_of;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using mflux::testing::tensor_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CompareTest : public ::testing::Test {
 protected:
  Comparison compared(const std::vector<NamedTensor>& ref, const std::vector<NamedTensor>& port) {
    write_npz(folder / "ref.npz", ref);
    write_npz(folder / "mlx.npz", port);
    return compare(options);
  }

  Row only(const NamedTensor& ref, const NamedTensor& port) {
    return compared({ref}, {port}).rows.at(0);
  }

  std::string error_for(const std::vector<NamedTensor>& ref, const std::vector<NamedTensor>& port) {
    return error_of([&] { compared(ref, port); });
  }

  void write_tolerances(const std::string& text) {
    options.tolerances = folder / "t.toml";
    write_file(folder / "t.toml", text);
  }

  TemporaryFolder folder;
  CompareOptions options{folder / "ref.npz", folder / "mlx.npz", {}, {}, {}, 1};
};

TEST_F(CompareTest, TheDefaultIsAdditiveAndElementwise) {
  EXPECT_EQ(only(row("x", {1, 2, 100}), row("x", {1, 2, 100.0009f})).verdict, Verdict::pass);
  EXPECT_EQ(only(row("x", {1, 2, 100}), row("x", {1, 2.0001f, 100})).verdict, Verdict::fail);
}

TEST_F(CompareTest, WhatThePortLacksIsMissing) {
  const auto result = compared({row("a", {1}), row("b", {2})}, {row("a", {1}), row("c", {2})});
  EXPECT_EQ(result.verdict, Verdict::missing);
  EXPECT_EQ(result.rows[1].verdict, Verdict::missing);
  EXPECT_EQ(result.extra.at(0)->text, "c");
  EXPECT_FALSE(result.first_divergence);
  options.allow_missing = {"b*"};
  EXPECT_EQ(compared({row("a", {1}), row("b", {2})}, {row("a", {1})}).verdict, Verdict::pass);
}

TEST_F(CompareTest, TheWorstRowIsTheVerdict) {
  const auto of = [](std::vector<Verdict> verdicts) {
    std::vector<Row> rows(verdicts.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].verdict = verdicts[i];
    }
    return worst_of(rows);
  };
  EXPECT_EQ(of({Verdict::shape, Verdict::fail, Verdict::nonfinite}), Verdict::fail);
  EXPECT_EQ(of({Verdict::nonfinite, Verdict::shape, Verdict::pass}), Verdict::shape);
  EXPECT_EQ(of({Verdict::inconclusive, Verdict::nonfinite}), Verdict::nonfinite);
  EXPECT_EQ(of({Verdict::missing, Verdict::inconclusive}), Verdict::inconclusive);
  EXPECT_EQ(of({Verdict::inherited, Verdict::pass}), Verdict::fail);
}

TEST_F(CompareTest, ShapesMustBeEqual) {
  const auto result =
      compared({{"x", mflux::testing::floats({2, 3}, normal(6, 1))}}, {row("x", normal(6, 1))});
  EXPECT_EQ(result.verdict, Verdict::shape);
  EXPECT_FALSE(result.rows[0].metrics);
  EXPECT_EQ(result.first_divergence->row, 0u);
}

TEST_F(CompareTest, IntegersMustBeEqualWhateverTheirWidth) {
  const NamedTensor ids{"x", tensor_of<int64_t>(Dtype::int64, {3}, {1, 2, 30000})};
  const Row same = only(ids, {"x", tensor_of<int32_t>(Dtype::int32, {3}, {1, 2, 30000})});
  EXPECT_EQ(same.verdict, Verdict::pass);
  EXPECT_THAT(same.notes, ElementsAre("int64 in the reference, int32 in the port"));
  EXPECT_EQ(
      only(ids, {"x", tensor_of<int32_t>(Dtype::int32, {3}, {1, 2, 30001})}).verdict,
      Verdict::fail);
  EXPECT_EQ(only(ids, row("x", {1, 2, 30000})).verdict, Verdict::pass);
  EXPECT_EQ(only(ids, row("x", {1, 2.00001f, 30000})).verdict, Verdict::fail);
}

TEST_F(CompareTest, LargeIntegersDoNotPassThroughFloats) {
  const int64_t big = (int64_t{1} << 60) + 1;
  EXPECT_EQ(
      only(
          {"x", tensor_of<int64_t>(Dtype::int64, {1}, {big})},
          {"x", tensor_of<int64_t>(Dtype::int64, {1}, {big - 1})})
          .verdict,
      Verdict::fail);
}

TEST_F(CompareTest, ComplexComparesAsPairsAndNotWithReals) {
  const NamedTensor ref{"x", tensor_of<float>(Dtype::complex64, {2}, {1, 2, 3, 4})};
  EXPECT_EQ(only(ref, ref).verdict, Verdict::pass);
  EXPECT_EQ(
      only(ref, {"x", tensor_of<float>(Dtype::complex64, {2}, {1, 2, 3, 5})}).verdict,
      Verdict::fail);
  EXPECT_EQ(only(ref, row("x", {1, 3})).verdict, Verdict::fail);
}

TEST_F(CompareTest, NonFiniteValuesMustBeAtTheSamePlaces) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(only(row("x", {1, nan, inf}), row("x", {1, nan, inf})).verdict, Verdict::pass);
  EXPECT_EQ(only(row("x", {1, nan, 1}), row("x", {1, 1, nan})).verdict, Verdict::nonfinite);
  EXPECT_EQ(only(row("x", {1, inf}), row("x", {1, -inf})).verdict, Verdict::nonfinite);
}

TEST_F(CompareTest, InMasksInfinityIsTheLowestNumber) {
  const float inf = std::numeric_limits<float>::infinity();
  const float lowest = std::numeric_limits<float>::lowest();
  EXPECT_EQ(only(row("x", {0, lowest, 0}), row("x", {0, -inf, 0})).verdict, Verdict::pass);
  EXPECT_NE(only(row("x", {0, lowest, 0}), row("x", {0, 0, -inf})).verdict, Verdict::pass);
  EXPECT_EQ(only(row("x", {1, lowest, 0}), row("x", {1, -inf, 0})).verdict, Verdict::nonfinite);
}

TEST_F(CompareTest, ComparingNothingIsAnError) {
  EXPECT_THAT(
      error_for({row("a", {1}), row("b", {1})}, {row("c", {1})}),
      HasSubstr("nothing to compare: the reference has a, b; the port has c"));
  EXPECT_THAT(error_for({row("a", {})}, {row("a", {})}), HasSubstr("is empty"));
  EXPECT_EQ(
      compared({row("a", {}), row("b", {1})}, {row("a", {}), row("b", {1})}).verdict,
      Verdict::pass);
}

TEST_F(CompareTest, ARuleOfParityTomlDecides) {
  write_tolerances("[[tolerance]]\nmatch = 'x'\natol = 0.5\nrtol = 0\n");
  const auto result =
      compared({row("x", {1}), row("y", {1})}, {row("x", {1.4f}), row("y", {1.4f})});
  EXPECT_EQ(result.rows[0].verdict, Verdict::pass);
  EXPECT_EQ(result.rows[0].rule, "t.toml, x");
  EXPECT_EQ(result.rows[1].verdict, Verdict::fail);
  EXPECT_EQ(result.rows[1].rule, "default for float32");
}

TEST_F(CompareTest, PrecisionIsDecidedPerComponentOverTheRun) {
  const auto values = normal(4096, 1);
  std::vector<uint16_t> halves;
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    halves.push_back(static_cast<uint16_t>(bits >> 16)); // cut, so a whole unit off: 2^-7
  }
  const NamedTensor half{"transformer.a", tensor_of(Dtype::bfloat16, {4096}, halves)};
  EXPECT_EQ(only(row("transformer.a", values), half).verdict, Verdict::pass);
  const auto more = normal(8192, 2);
  const auto result = compared(
      {row("transformer.a", values), row("transformer.b", more)},
      {half, row("transformer.b", more)});
  EXPECT_EQ(result.rows[0].verdict, Verdict::fail);
  EXPECT_EQ(result.rows[0].effective, Dtype::bfloat16);
  EXPECT_THAT(result.precision, HasSubstr("transformer is float32 (67 % of its elements)"));
}

TEST_F(CompareTest, TwoArraysAreOneTensorWhateverTheirNames) {
  write_npy(folder / "a.npy", row("", {1, 2}).tensor);
  write_npy(folder / "b.npy", row("", {1, 3}).tensor);
  options.ref = folder / "a.npy";
  options.port = folder / "b.npy";
  EXPECT_EQ(compare(options).verdict, Verdict::fail);
}

TEST_F(CompareTest, WhatThePortDidNotDumpIsNoCleanInput) {
  const auto x = normal(64, 1);
  auto wrong = x;
  wrong[5] += 1;
  const auto result = compared(
      {row("m.in.a", x), row("m.in.b", x), row("m", x)}, {row("m.in.a", x), row("m", wrong)});
  ASSERT_TRUE(result.first_divergence);
  EXPECT_THAT(result.first_divergence->why, HasSubstr("the port lacks some of its inputs"));
  EXPECT_FALSE(result.rows[2].gain);
  const auto known = compared(
      {row("m.in.a", x), row("m.in.b", x), row("m", x)},
      {row("m.in.a", x), row("m.in.b", x), row("m", wrong)});
  EXPECT_GT(known.rows[2].gain.value_or(0), kGainThatStandsOut);
}

TEST_F(CompareTest, ARunFolderHoldsBothSides) {
  for (const char* side : {"ref", "mlx", "ref32"}) {
    std::filesystem::create_directory(folder / side);
    write_npz(folder / side / "a.npz", {row("x", {1, 2})});
    write_file(
        folder / side / "manifest.json",
        fmt::format(
            R"({{"schema": 1, "run": {{"steps": {}, "prompt": "a", "sizes": {{"h": 1}}}}, "checkpoints": []}})",
            std::string(side) == "mlx" ? 20 : 4));
  }
  const auto result = compare({folder.path(), {}, {}, {}, {}, 1});
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_THAT(result.run_facts, ElementsAre("steps: 4 in the reference, 20 in the port"));
  ASSERT_TRUE(result.ref32);
  EXPECT_EQ(result.rows[0].ref32_error, 0);
  EXPECT_EQ(result.rows[0].rule, "default for float32; the reference equals ref32");
  EXPECT_THAT(
      error_of([&] {
        compare({folder / "ref", {}, {}, {}, {}, 1});
      }),
      HasSubstr("expected a run folder that holds ref/ and mlx/"));
}

class SliceTest : public CompareTest {
 protected:
  void write_sliced(const std::string& side, const NamedTensor& tensor, const std::string& entry) {
    const auto place = folder / side;
    std::filesystem::create_directory(place);
    write_npz(place / "a.npz", {tensor});
    write_file(
        place / "manifest.json",
        R"({"schema": 1, "checkpoints": [{"name": "x", "file": "a.npz", "key": "x")" + entry +
            "}]}");
  }

  Row result() {
    return compare({folder / "ref", folder / "mlx", {}, {}, {}, 1}).rows.at(0);
  }
};

TEST_F(SliceTest, TheOtherSideIsCutTheSameWay) {
  write_sliced("ref", row("x", {3, 4}), R"(, "slice": [[2, 4]], "shape": [6])");
  write_sliced("mlx", row("x", {1, 2, 3, 4, 5, 6}), "");
  EXPECT_EQ(result().verdict, Verdict::pass);
  write_sliced("mlx", row("x", {1, 2, 3, 4.1f, 5, 6}), "");
  EXPECT_EQ(result().verdict, Verdict::fail);
}

TEST_F(SliceTest, WhatDoesNotHoldTheSliceHasAnotherShape) {
  write_sliced("ref", row("x", {3, 4}), R"(, "slice": [[2, 4]])");
  write_sliced("mlx", row("x", {1, 2, 3}), "");
  EXPECT_EQ(result().verdict, Verdict::shape);
  write_sliced("ref", row("x", {3, 4}), R"(, "slice": [[2, 4]], "shape": [6])");
  write_sliced("mlx", row("x", {1, 2, 3, 4, 5}), "");
  EXPECT_EQ(result().verdict, Verdict::shape);
  write_sliced("mlx", row("x", {2, 3}), R"(, "slice": [[1, 3]], "shape": [6])");
  EXPECT_EQ(result().verdict, Verdict::shape);
}

} // namespace
} // namespace mflux::parity
