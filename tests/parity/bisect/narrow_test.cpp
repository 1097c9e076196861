#include "mflux/parity/bisect/narrow.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/parity/gain.h"

namespace mflux::parity {
namespace {

using ::testing::HasSubstr;
using Kind = Conclusion::Kind;

constexpr double kBug = 0.3;

/// A made-up model: modules in modules, some in lists, each reading its neighbour's output or what
/// its parent was given.
struct MadeModule {
  std::string path;
  size_t parent = 0;
  std::vector<size_t> children;
  bool reads_neighbour = true;
};

enum class BugAt { output, input, none };

class MadeModel {
 public:
  MadeModel(unsigned seed, int most_levels) : random_(seed) {
    modules_.push_back({"transformer", 0, {}, true});
    grow(0, most_levels);
    bad_ = below(modules_.size());
  }

  /// A module without modules inside, or one with.
  void choose(bool leaf) {
    do {
      bad_ = below(modules_.size());
    } while (modules_[bad_].children.empty() != leaf);
  }

  size_t below(size_t bound) {
    return random_() % bound;
  }

  const MadeModule& bad() const {
    return modules_[bad_];
  }

  const MadeModule& parent_of_bad() const {
    return modules_[bad().parent];
  }

  size_t size() const {
    return modules_.size();
  }

  size_t levels() const {
    size_t most = 0;
    for (const auto& [path, parent, children, reads] : modules_) {
      size_t levels = 1;
      for (size_t at = parent; path != "transformer"; at = modules_[at].parent) {
        ++levels;
        if (at == 0) {
          break;
        }
      }
      most = std::max(most, levels);
    }
    return most;
  }

  /// Runs it with the bug in that step (0: no loop) and keeps every checkpoint's error.
  void run(BugAt at, int steps, int bad_step) {
    bug_ = at;
    double error = 0;
    for (int step = steps == 0 ? 0 : 1; step <= steps; ++step) {
      is_bad_step_ = step == bad_step;
      suffix_ = step == 0 ? "" : fmt::format("@step={}", step);
      error = call(0, error);
    }
  }

  std::vector<std::pair<std::string, double>> checkpoints; ///< with their errors, in order

  /// The bytes of a module with those directly inside, at most over all modules.
  uint64_t largest_level(uint64_t each) const {
    size_t most = 0;
    for (const auto& module : modules_) {
      most = std::max(most, module.children.size() + 2);
    }
    return 2 * each * most;
  }

 private:
  void grow(size_t at, int levels) {
    if (levels == 0) {
      return;
    }
    const size_t count = at == 0 ? 2 + below(3) : below(5);
    const bool is_list = below(2) == 0;
    for (size_t i = 0; i < count; ++i) {
      const auto path = fmt::format("{}.{}{}", modules_[at].path, is_list ? "blocks." : "m", i);
      modules_.push_back({path, at, {}, below(4) != 0});
      modules_[at].children.push_back(modules_.size() - 1);
    }
    for (const size_t child : std::vector<size_t>(modules_[at].children)) {
      grow(child, levels - 1);
    }
  }

  double noise() {
    return 1e-7 * static_cast<double>(below(100)) / 100;
  }

  double call(size_t at, double in) {
    const bool is_bad = is_bad_step_ && at == bad_;
    if (is_bad && bug_ == BugAt::input) {
      in = kBug;
    }
    checkpoints.emplace_back(modules_[at].path + ".in" + suffix_, in + noise());
    double out = in, last = in;
    for (const size_t child : modules_[at].children) {
      last = call(child, modules_[child].reads_neighbour ? last : in);
      out = std::max(out, last);
    }
    if (is_bad && bug_ == BugAt::output) {
      out = kBug;
    }
    checkpoints.emplace_back(modules_[at].path + suffix_, out + noise());
    return out;
  }

  std::mt19937 random_;
  std::vector<MadeModule> modules_;
  size_t bad_ = 0;
  BugAt bug_ = BugAt::none;
  std::string suffix_;
  bool is_bad_step_ = false;
};

constexpr uint64_t kEach = 100;

Survey survey_of(const MadeModel& model) {
  Survey survey;
  for (const auto& [name, error] : model.checkpoints) {
    survey.spots.push_back({name, name, kEach, parse_name(name)});
  }
  return survey;
}

/// What compare() says of those checkpoints, by the real rules of gain.h.
std::optional<Found> look(const MadeModel& model, const std::vector<size_t>& spots) {
  std::vector<Checkpoint> checkpoints(spots.size());
  Comparison comparison;
  for (size_t i = 0; i < spots.size(); ++i) {
    const auto& [name, error] = model.checkpoints[spots[i]];
    checkpoints[i].name = parse_name(name);
    checkpoints[i].dtype = artifacts::Dtype::float32;
    Row row;
    row.ref = row.port = &checkpoints[i];
    row.metrics.emplace();
    row.metrics->count = 64;
    row.metrics->rel_l2 = error;
    row.effective = artifacts::Dtype::float32;
    row.verdict = error > 1e-5 ? Verdict::fail : Verdict::pass;
    comparison.rows.push_back(row);
  }
  comparison.first_divergence = find_divergence(comparison.rows, false);
  return found_in(comparison);
}

struct Search {
  Conclusion end;
  std::vector<Round> rounds;
};

Search search(const MadeModel& model, const Limits& limits) {
  const Survey survey = survey_of(model);
  Search search;
  while (search.rounds.size() <= model.checkpoints.size()) {
    const auto decision = decide(survey, search.rounds, limits);
    if (const auto* end = std::get_if<Conclusion>(&decision)) {
      search.end = *end;
      return search;
    }
    const auto& plan = std::get<BisectPlan>(decision);
    EXPECT_TRUE(std::is_sorted(plan.spots.begin(), plan.spots.end()));
    Round round;
    round.spots = plan.spots;
    round.why = plan.why;
    round.found = look(model, plan.spots);
    search.rounds.push_back(round);
  }
  ADD_FAILURE() << "it does not end";
  return search;
}

class EachLimit : public ::testing::TestWithParam<int> {
 protected:
  /// One module in a round; one level; everything.
  Limits limits_for(const MadeModel& model) const {
    const uint64_t level = model.largest_level(kEach) * 2;
    return {GetParam() == 0 ? 1 : GetParam() == 1 ? level : UINT64_MAX, SIZE_MAX};
  }
};

TEST_P(EachLimit, FindsEveryBadLeaf) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    MadeModel model(seed, 4);
    model.choose(true);
    const int steps = static_cast<int>(model.below(3));
    const int bad_step = steps == 0 ? 0 : 1 + static_cast<int>(model.below(steps));
    model.run(BugAt::output, steps, bad_step);
    const auto [end, rounds] = search(model, limits_for(model));
    EXPECT_EQ(end.kind, Kind::leaf) << seed;
    EXPECT_EQ(end.module, model.bad().path + (steps ? fmt::format("@step={}", bad_step) : ""));
    EXPECT_NEAR(end.found.error.value(), kBug, 1e-6);
    EXPECT_GT(end.found.gain.value(), 1e5);
    const size_t bound = GetParam() == 0   ? 2 * model.size() * 3
                         : GetParam() == 1 ? model.levels()
                                           : 1;
    EXPECT_LE(rounds.size(), bound) << seed;
  }
}

TEST_P(EachLimit, FindsAForwardThatIsWrongItself) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    MadeModel model(seed, 3);
    model.choose(false);
    model.run(BugAt::output, 0, 0);
    const auto [end, rounds] = search(model, limits_for(model));
    EXPECT_EQ(end.kind, Kind::own) << seed;
    EXPECT_EQ(end.module, model.bad().path);
  }
}

TEST_P(EachLimit, FindsABugBetweenTwoModules) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    MadeModel model(seed, 3);
    while (model.bad().path == "transformer") {
      model.choose(model.below(2) == 0);
    }
    model.run(BugAt::input, 0, 0);
    const auto [end, rounds] = search(model, limits_for(model));
    ASSERT_EQ(end.kind, Kind::between) << seed << end.module;
    EXPECT_EQ(end.module, model.bad().path);
    EXPECT_EQ(end.found.checkpoint, model.bad().path + ".in");
    const auto& siblings = model.parent_of_bad().children;
    EXPECT_EQ(end.before.empty(), model.bad().path.back() == '0') << siblings.size() << end.before;
  }
}

TEST_P(EachLimit, ACleanModelPasses) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    MadeModel model(seed, 3);
    model.run(BugAt::none, 2, 0);
    const auto [end, rounds] = search(model, limits_for(model));
    EXPECT_EQ(end.kind, Kind::passes);
    EXPECT_LE(rounds.size(), 2u) << "only the outermost modules matter";
  }
}

INSTANTIATE_TEST_SUITE_P(, EachLimit, ::testing::Values(0, 1, 2));

/// transformer with `count` blocks in a row.
Survey chain(size_t count) {
  Survey survey;
  const auto add = [&](const std::string& name) {
    survey.spots.push_back({name, "port." + name, kEach, parse_name(name)});
  };
  add("transformer.in");
  for (size_t i = 0; i < count; ++i) {
    add(fmt::format("transformer.blocks.{}.in", i));
    add(fmt::format("transformer.blocks.{}", i));
  }
  add("transformer");
  return survey;
}

Round round_with(std::vector<size_t> spots, const std::string& checkpoint) {
  Round round;
  round.spots = std::move(spots);
  round.found = Found{checkpoint, "", "FAIL", "transformer", "", 0.1, 0, 1e5};
  return round;
}

TEST(Narrow, TakesEveryNthWhenNotAllFit) {
  const auto survey = chain(16);
  const std::vector<Round> rounds{round_with({0, 33}, "transformer")};
  const auto plan = std::get<BisectPlan>(decide(survey, rounds, {kEach * (2 + 2 * 4), SIZE_MAX}));
  EXPECT_THAT(plan.spots, ::testing::ElementsAre(0, 7, 8, 15, 16, 23, 24, 31, 32, 33));
  EXPECT_THAT(plan.why, HasSubstr("inside transformer: its inputs pass"));
  EXPECT_THAT(plan.why, HasSubstr("4 of 16 modules, for all need more than 1.0 KB"));
}

TEST(Narrow, LooksFirstBetweenTheLastThatWasSeenAndTheFailing) {
  const auto survey = chain(16);
  const std::vector<Round> rounds{
      round_with({0, 33}, "transformer"),
      round_with({0, 7, 8, 15, 16, 23, 24, 31, 32, 33}, "transformer.blocks.11.in")};
  const auto plan = std::get<BisectPlan>(decide(survey, rounds, {UINT64_MAX, SIZE_MAX}));
  EXPECT_THAT(plan.spots, ::testing::ElementsAre(0, 17, 18, 19, 20, 21, 22, 23, 24, 33));
  EXPECT_THAT(plan.why, HasSubstr("before transformer.blocks.11"));
}

TEST(Narrow, NamesMustFitIntoACommandLine) {
  const auto survey = chain(16);
  const auto plan = std::get<BisectPlan>(decide(survey, {}, {UINT64_MAX, 200}));
  EXPECT_THAT(plan.spots, ::testing::ElementsAre(0, 33));
}

TEST(Narrow, OneTooLargeModuleIsTakenAndSaid) {
  const auto survey = chain(4);
  const std::vector<Round> rounds{round_with({0, 9}, "transformer")};
  const auto plan = std::get<BisectPlan>(decide(survey, rounds, {1, SIZE_MAX}));
  EXPECT_THAT(plan.spots, ::testing::ElementsAre(0, 5, 6, 9));
  EXPECT_THAT(plan.why, HasSubstr("which alone needs more than 1 B"));
}

TEST(Narrow, RunsThatAreNotTheSameTwiceAreToldApart) {
  const auto survey = chain(2);
  std::vector<Round> rounds{round_with({0, 5}, "transformer")};
  rounds.emplace_back().spots = {0, 1, 2, 3, 4, 5};
  const auto end = std::get<Conclusion>(decide(survey, rounds, {}));
  EXPECT_EQ(end.kind, Kind::unstable);
  EXPECT_EQ(end.module, "transformer");
}

TEST(Narrow, WhatNoSurveyListedIsTheEnd) {
  const std::vector<Round> rounds{round_with({0, 5}, "unheard_of")};
  EXPECT_EQ(std::get<Conclusion>(decide(chain(2), rounds, {})).module, "unheard_of");
}

} // namespace
} // namespace mflux::parity
