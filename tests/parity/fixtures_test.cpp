// Dumps of torch modules with planted bugs: tools/reference/fixtures/parity_runs.py.
#include "gmock/gmock.h"
#include "mflux/base/json.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kFixtures = MFLUX_SOURCE_DIR "/tests/fixtures/parity";

Comparison compared(const std::filesystem::path& run) {
  return compare({run, {}, {}, {}, {}, 1});
}

std::string first_of(const Comparison& comparison) {
  return comparison.rows[comparison.first_divergence.value().row].ref->text;
}

/// A case with its manifests, and without them: the order must then be inferred.
class PlantedBug : public ::testing::TestWithParam<bool> {
 protected:
  Comparison result(const std::string& name) const {
    if (GetParam()) {
      return compared(kFixtures / name);
    }
    std::filesystem::copy(
        kFixtures / name, folder.path(), std::filesystem::copy_options::recursive);
    std::filesystem::remove(folder / "ref" / "manifest.json");
    std::filesystem::remove(folder / "mlx" / "manifest.json");
    return compared(folder.path());
  }

  TemporaryFolder folder;
};

INSTANTIATE_TEST_SUITE_P(Manifest, PlantedBug, ::testing::Bool());

TEST_P(PlantedBug, ACleanPortPasses) {
  const auto comparison = result("clean");
  EXPECT_EQ(comparison.verdict, Verdict::pass);
  EXPECT_FALSE(comparison.first_divergence);
}

TEST_P(PlantedBug, InALeafIsFoundThere) {
  const auto comparison = result("leaf");
  EXPECT_EQ(first_of(comparison), "transformer.blocks.1.attn.to_k@step=1");
  EXPECT_EQ(comparison.first_divergence->owner, "transformer.blocks.1.attn.to_k");
  EXPECT_EQ(comparison.first_divergence->between, "");
  for (const auto& row : comparison.rows) {
    const bool is_leaf =
        row.ref->name.path == "transformer.blocks.1.attn.to_k" && row.ref->name.role == Role::out;
    EXPECT_EQ(row.verdict == Verdict::fail, is_leaf) << row.ref->text;
  }
}

TEST_P(PlantedBug, BetweenTwoModulesBelongsToTheOneAround) {
  const auto comparison = result("between");
  EXPECT_EQ(first_of(comparison), "transformer.blocks.1.attn.in@step=1");
  EXPECT_EQ(comparison.first_divergence->owner, "transformer.blocks.1");
  EXPECT_THAT(comparison.first_divergence->between, HasSubstr(" and transformer.blocks.1.attn"));
}

TEST_P(PlantedBug, WithoutInputsIsTheFirstOverTolerance) {
  const auto comparison = result("outputs_only");
  EXPECT_EQ(first_of(comparison), "transformer.blocks.1.norm2@step=1");
  EXPECT_EQ(comparison.first_divergence->owner, "transformer.blocks.1");
}

TEST_P(PlantedBug, InTheSchedulerIsNoModulesFault) {
  const auto comparison = result("scheduler");
  EXPECT_EQ(first_of(comparison), "latents@step=1");
  EXPECT_EQ(comparison.first_divergence->owner, "pipeline");
  EXPECT_EQ(comparison.rows.back().verdict, Verdict::inherited);
}

TEST(ThreeWayRun, AnotherOrderOfSumsPassesAndABugBelowTheToleranceFails) {
  const auto run = kFixtures / "three_way";
  const auto clean = compared(run);
  EXPECT_EQ(clean.verdict, Verdict::pass);
  EXPECT_GT(std::count_if(clean.rows.begin(), clean.rows.end(), is_three_way), 80);
  CompareOptions options{run / "ref", kFixtures / "three_way_bug" / "mlx", {}, {}, {}, 1};
  const auto by_tolerance = compare(options);
  options.ref32 = run / "ref32";
  const auto by_ratio = compare(options);
  EXPECT_EQ(first_of(by_ratio), "transformer.blocks.0.norm1@step=1");
  EXPECT_EQ(by_ratio.first_divergence->owner, "transformer.blocks.0.norm1");
  const size_t row = by_ratio.first_divergence->row;
  EXPECT_EQ(by_tolerance.rows[row].verdict, Verdict::pass);
  const auto& input = by_ratio.rows[row - 1];
  EXPECT_EQ(input.ref->text, "transformer.blocks.0.norm1.in@step=1");
  EXPECT_DOUBLE_EQ(*by_ratio.rows[row].gain, *by_ratio.rows[row].ratio / *input.ratio);
  const Json json = parse_json(to_json(by_ratio));
  EXPECT_GT(json["checkpoints"][row]["ratio"], 2.0);
  EXPECT_EQ(json["checkpoints"][row]["atol"], nullptr);
  EXPECT_THAT(format_table(by_ratio, {}), HasSubstr("of 2 against ref32 (reference's own error"));
}

TEST(Json, HasTheSchema) {
  const Json json = parse_json(to_json(compared(kFixtures / "leaf")));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["verdict"], "FAIL");
  EXPECT_EQ(json["checkpoints"].size(), 201u);
  const Json& row = json["checkpoints"][5];
  for (const char* key :
       {"name",
        "step",
        "verdict",
        "shape",
        "dtype",
        "effective_dtype",
        "max_abs",
        "mean_abs",
        "max_rel",
        "rel_l2",
        "atol",
        "rtol"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_EQ(json["checkpoints"][0]["step"], nullptr);
  EXPECT_EQ(json["first_divergence"]["name"], "transformer.blocks.1.attn.to_k");
  EXPECT_EQ(json["first_divergence"]["step"], 1);
  EXPECT_EQ(json["first_divergence"]["owner"], "transformer.blocks.1.attn.to_k");
  EXPECT_EQ(json["causes"], Json::array());
  EXPECT_EQ(parse_json(to_json(compared(kFixtures / "clean")))["first_divergence"], nullptr);
}

TEST(Table, ShowsFailuresFirstAndTheVerdictLast) {
  const auto comparison = compared(kFixtures / "leaf");
  const std::string text = format_table(comparison, {});
  const size_t fail = text.find("\n  FAIL "), inherited = text.find("\n  INHERITED "),
               pass = text.find("\n  PASS ");
  EXPECT_LT(fail, text.find("First divergence: transformer.blocks.1.attn.to_k@step=1"));
  EXPECT_LT(fail, inherited);
  EXPECT_LT(inherited, pass);
  EXPECT_THAT(text, HasSubstr("more like these (--all shows them)"));
  EXPECT_THAT(text, HasSubstr("first values"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text.substr(text.rfind("\nFAIL")), HasSubstr("2 FAIL, 126 INHERITED, 73 PASS\n"));
}

TEST(Table, FoldsAndUnfolds) {
  const auto comparison = compared(kFixtures / "clean");
  const std::string folded = format_table(comparison, {});
  EXPECT_LT(std::count(folded.begin(), folded.end(), '\n'), 12);
  EXPECT_THAT(folded, HasSubstr("196 checkpoints"));
  const std::string all = format_table(comparison, {true, true});
  EXPECT_GT(std::count(all.begin(), all.end(), '\n'), 201);
  EXPECT_THAT(all, HasSubstr("\x1b[32mPASS\x1b[0m"));
}

} // namespace
} // namespace mflux::parity
