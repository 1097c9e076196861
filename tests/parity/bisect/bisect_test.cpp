#include "mflux/parity/bisect/bisect.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/seen.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/glob.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using mflux::testing::error_of;
using mflux::testing::normal;
using mflux::testing::row;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The checkpoints of transformer(blocks.0(lin), blocks.1(lin)), in order.
const std::vector<std::string> kNames{
    "transformer.in",
    "transformer.blocks.0.in",
    "transformer.blocks.0.lin.in",
    "transformer.blocks.0.lin",
    "transformer.blocks.0",
    "transformer.blocks.1.in",
    "transformer.blocks.1.lin.in",
    "transformer.blocks.1.lin",
    "transformer.blocks.1",
    "transformer"};

/// Both sides in this process; the port is off from its bad checkpoint on.
class MadeRunner : public BisectRunner {
 public:
  void run(const SideRun& run) override {
    const auto number = runs.size();
    runs.push_back(run);
    EXPECT_TRUE(std::filesystem::is_empty(run.out)) << "of the round before";
    if (fails_at && *fails_at == number) {
      throw Error("it ended with exit status 3");
    }
    const bool is_ref = run.side == "ref";
    const bool lists = is_ref ? ref_lists : port_lists;
    artifacts::Manifest manifest;
    std::vector<artifacts::NamedTensor> tensors;
    std::vector<artifacts::SeenCheckpoint> seen;
    bool is_bad = false;
    for (const auto& name : kNames) {
      auto values = normal(64, static_cast<unsigned>(std::hash<std::string>()(name)));
      is_bad = is_bad || (!is_ref && name == bad);
      if (is_bad) {
        values[3] += 1;
      }
      const auto written = is_ref ? name : prefix + name;
      if (run.is_survey && lists) {
        seen.push_back({written, 256});
      } else if (std::any_of(run.taps.begin(), run.taps.end(), [&](const std::string& tap) {
                   return glob_match(tap, written);
                 })) {
        tensors.push_back(row(written, values));
        artifacts::ManifestEntry entry;
        entry.name = entry.key = written;
        entry.file = "all.safetensors";
        manifest.checkpoints.push_back(entry);
      }
    }
    if (!tensors.empty()) {
      artifacts::write_safetensors(run.out / "all.safetensors", tensors);
    }
    if (!seen.empty()) {
      artifacts::write_seen(run.out / "manifest.json", manifest, seen);
    } else if (writes_manifest) {
      artifacts::write_manifest(run.out / "manifest.json", manifest);
    }
  }

  void tell(const std::string& line) override {
    lines.push_back(line);
  }

  std::string bad, prefix;
  std::optional<size_t> fails_at;
  bool ref_lists = true, port_lists = true, writes_manifest = true;
  std::vector<SideRun> runs;
  std::vector<std::string> lines;
};

class BisectLoop : public ::testing::Test {
 protected:
  BisectLoop() {
    options.run = folder / "debug_artifacts/run";
    options.ref = "reference";
    options.port = "port";
    options.limits.bytes = 7 * 512;
  }

  std::string log() const {
    return read_file(options.run / "bisect.log");
  }

  mflux::testing::TemporaryFolder folder;
  BisectOptions options;
  MadeRunner runner;
};

TEST_F(BisectLoop, NarrowsDownToTheLeaf) {
  runner.bad = "transformer.blocks.1.lin";
  const auto result = bisect(options, runner);
  EXPECT_EQ(result.conclusion.kind, Conclusion::Kind::leaf);
  EXPECT_EQ(result.conclusion.module, "transformer.blocks.1.lin");
  ASSERT_EQ(runner.runs.size(), 6u) << "a survey and two rounds, both sides each";
  EXPECT_TRUE(runner.runs[0].is_survey && runner.runs[1].is_survey && !runner.runs[2].is_survey);
  EXPECT_THAT(
      runner.runs[3].taps,
      ElementsAre(
          "transformer.in",
          "transformer.blocks.0.in",
          "transformer.blocks.0",
          "transformer.blocks.1.in",
          "transformer.blocks.1",
          "transformer"));
  EXPECT_THAT(
      runner.runs[5].taps,
      ElementsAre(
          "transformer.blocks.1.in",
          "transformer.blocks.1.lin.in",
          "transformer.blocks.1.lin",
          "transformer.blocks.1"));
  ASSERT_EQ(runner.lines.size(), 3u);
  EXPECT_THAT(runner.lines[0], HasSubstr("10 checkpoints on both sides"));
  EXPECT_THAT(
      runner.lines[1],
      AllOf(HasSubstr("outermost"), HasSubstr("of 6 fail, first transformer.blocks.1, gain")));
  EXPECT_THAT(runner.lines[2], HasSubstr("inside transformer.blocks.1"));
  EXPECT_THAT(log(), AllOf(HasSubstr("running ref"), HasSubstr(runner.lines[2])));
  EXPECT_TRUE(std::filesystem::exists(folder / "debug_artifacts/.gitignore"));
}

TEST_F(BisectLoop, TheLastDumpsStayAndEarlierOnesGo) {
  runner.bad = "transformer.blocks.1.lin";
  bisect(options, runner);
  EXPECT_TRUE(std::filesystem::exists(options.run / "ref/all.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(options.run / "rounds"));
  CompareOptions again;
  again.ref = options.run;
  EXPECT_EQ(compare(again).rows.size(), 4u);

  options.restart = options.keep = true;
  bisect(options, runner);
  EXPECT_TRUE(std::filesystem::exists(options.run / "rounds/001/mlx/all.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(options.run / "rounds/002"));
}

TEST_F(BisectLoop, GoesOnWhereACommandFailed) {
  runner.bad = "transformer.blocks.1.lin";
  runner.fails_at = 5;
  EXPECT_THAT(error_of([&] { bisect(options, runner); }), HasSubstr("exit status 3"));
  EXPECT_THAT(log(), HasSubstr("exit status 3"));
  runner.fails_at.reset();
  runner.runs.clear();
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.1.lin");
  EXPECT_EQ(runner.runs.size(), 2u) << "the failed round alone";
  runner.runs.clear();
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.1.lin");
  EXPECT_TRUE(runner.runs.empty()) << "all is known";
}

TEST_F(BisectLoop, AFailingSurveyBeginsAgain) {
  runner.fails_at = 0;
  EXPECT_THAT(error_of([&] { bisect(options, runner); }), HasSubstr("exit status 3"));
  runner.fails_at.reset();
  EXPECT_EQ(bisect(options, runner).conclusion.kind, Conclusion::Kind::passes);
}

TEST_F(BisectLoop, TheSameRunsPass) {
  const auto result = bisect(options, runner);
  EXPECT_EQ(result.conclusion.kind, Conclusion::Kind::passes);
  EXPECT_EQ(result.state.rounds.size(), 1u);
}

TEST_F(BisectLoop, ThePortsOwnNamesAreTapped) {
  runner.bad = "transformer.blocks.0.lin";
  runner.prefix = "model.";
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.0.lin");
  EXPECT_EQ(runner.runs.back().taps.front(), "model.transformer.blocks.0.in");
}

TEST_F(BisectLoop, MapTomlRenames) {
  runner.bad = "transformer.blocks.0.lin";
  runner.prefix = "other.";
  options.map = folder / "map.toml";
  write_file(*options.map, "[[rename]]\nfrom = \"other.*\"\nto = \"*\"\n");
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.0.lin");
}

// Commands that know nothing of surveys dump everything at once.
TEST_F(BisectLoop, WholeDumpsAreJudgedAtOnce) {
  runner.bad = "transformer.blocks.1.lin";
  runner.ref_lists = runner.port_lists = false;
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.1.lin");
  EXPECT_EQ(runner.runs.size(), 2u);
}

TEST_F(BisectLoop, OneSideMayKnowNothingOfSurveys) {
  runner.bad = "transformer.blocks.1.lin";
  runner.ref_lists = false;
  EXPECT_EQ(bisect(options, runner).conclusion.module, "transformer.blocks.1.lin");
  EXPECT_EQ(runner.runs.size(), 6u);
}

TEST_F(BisectLoop, OtherCommandsAreRefused) {
  bisect(options, runner);
  options.port = "another";
  EXPECT_THAT(
      error_of([&] { bisect(options, runner); }),
      AllOf(HasSubstr("another command for the port: port"), HasSubstr("--restart")));
  options.restart = true;
  EXPECT_EQ(bisect(options, runner).conclusion.kind, Conclusion::Kind::passes);
}

TEST_F(BisectLoop, DumpsOfOthersAreKept) {
  std::filesystem::create_directories(options.run / "mlx");
  options.restart = true;
  EXPECT_THAT(error_of([&] { bisect(options, runner); }), HasSubstr("no bisection made it"));
  EXPECT_TRUE(std::filesystem::exists(options.run / "mlx"));
}

TEST_F(BisectLoop, NothingWrittenIsSaid) {
  runner.ref_lists = runner.port_lists = runner.writes_manifest = false;
  runner.bad = kNames.front();
  EXPECT_EQ(bisect(options, runner).conclusion.kind, Conclusion::Kind::between);
  class Silent : public MadeRunner {
    void run(const SideRun&) override {}
  } silent;
  options.restart = true;
  EXPECT_THAT(
      error_of([&] { bisect(options, silent); }),
      HasSubstr("the ref command left no dump in {out} (MFLUX_CAPTURE)"));
}

TEST_F(BisectLoop, DamagedStatesAreOneLine) {
  runner.bad = "transformer.blocks.1.lin";
  bisect(options, runner);
  const auto path = options.run / "state.json";
  const Json good = read_json(path);
  const auto broken = [&](const std::function<void(Json&)>& spoil) {
    Json json = good;
    spoil(json);
    write_file(path, json.dump());
    const auto text = error_of([&] { bisect(options, runner); });
    EXPECT_THAT(text, HasSubstr("--restart begins again"));
    return text;
  };
  EXPECT_THAT(broken([](Json& json) { json["schema"] = 2; }), HasSubstr("schema is 2"));
  EXPECT_THAT(broken([](Json& json) { json.erase("rounds"); }), HasSubstr("\"rounds\""));
  EXPECT_THAT(broken([](Json& json) { json = Json::array(); }), HasSubstr("state.json"));
  EXPECT_THAT(
      broken([](Json& json) { json["rounds"][0]["spots"][0] = 10; }), HasSubstr("no spot 10"));
  broken([](Json& json) { json["rounds"][0]["spots"][0] = -1; });
  broken([](Json& json) { json["rounds"][0]["found"]["gain"] = "much"; });
  broken([](Json& json) { json["survey"]["spots"][0] = 7; });
  broken([](Json& json) { json["survey"] = nullptr; });
  write_file(path, "{");
  EXPECT_THAT(error_of([&] { bisect(options, runner); }), HasSubstr("--restart begins again"));
}

} // namespace
} // namespace mflux::parity
