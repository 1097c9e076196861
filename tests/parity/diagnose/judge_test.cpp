#include "mflux/parity/diagnose/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mflux/parity/diagnose/catalogue.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::normal;

/// A port that is twice its reference, and hypotheses about it.
class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    auto values = normal(600, 3);
    artifacts::write_npz(folder_ / "ref.npz", {testing::row("x", values)});
    for (float& value : values) {
      value *= 2;
    }
    artifacts::write_npz(folder_ / "mlx.npz", {testing::row("x", values)});
    comparison_ = compare({folder_ / "ref.npz", folder_ / "mlx.npz", {}, {}, {}});
  }

  std::vector<Proof> judged(const std::vector<Hypothesis>& hypotheses) const {
    const Scene scene(comparison_);
    return judge(Case(scene, 0, scene.pair(0)), hypotheses);
  }

  /// Predicts the reference times `factor`.
  Hypothesis times(std::string id, double factor) const {
    return {
        std::move(id),
        [this, factor](const Half&) {
          Field field = field_of(comparison_.ref.load(*comparison_.rows[0].ref));
          for (double& value : field.values) {
            value *= factor;
          }
          return Prediction{std::move(field), {}, {}};
        },
        false};
  }

  testing::TemporaryFolder folder_;
  Comparison comparison_;
};

TEST_F(JudgeTest, WhatExplainsHolds) {
  const auto proofs = judged({times("sign.flip", -1), times("scale.constant", 2)});
  ASSERT_EQ(proofs.size(), 2u);
  EXPECT_EQ(proofs[0].id, "scale.constant");
  EXPECT_TRUE(proofs[0].holds);
  EXPECT_EQ(proofs[0].after, 0);
  EXPECT_DOUBLE_EQ(proofs[0].before, 1);
  EXPECT_DOUBLE_EQ(proofs[0].runner_up, 3);
  EXPECT_FALSE(proofs[1].holds);
}

TEST_F(JudgeTest, OfTwoThatExplainTheMoreSpecificIsNamed) {
  const auto proofs = judged({times("bias.missing", 2), times("scale.constant", 2.0000001)});
  EXPECT_EQ(proofs[0].id, "scale.constant");
  EXPECT_TRUE(proofs[1].holds);
}

TEST_F(JudgeTest, WhatLeavesMuchMoreThanAnotherDoesNotHold) {
  const auto proofs = judged({times("bias.missing", 2), times("sign.flip", 2.01)});
  EXPECT_EQ(proofs[0].id, "bias.missing");
  EXPECT_FALSE(proofs[1].holds);
}

TEST_F(JudgeTest, HalfAnExplanationIsNone) {
  EXPECT_FALSE(judged({times("scale.constant", 1.9)})[0].holds);
}

TEST_F(JudgeTest, WhatWasLearntByHeartIsScoredWhereItWasNotSeen) {
  const Hypothesis by_heart{
      "bias.missing",
      [this](const Half& fit) {
        Field field = field_of(comparison_.ref.load(*comparison_.rows[0].ref));
        const Field port = field_of(comparison_.port.load(*comparison_.rows[0].port));
        for (int64_t i = 0; i < field.count(); ++i) {
          if (fit.holds(i)) {
            field.values[static_cast<size_t>(i)] = port.values[static_cast<size_t>(i)];
          }
        }
        return Prediction{std::move(field), {}, {}};
      },
      true};
  const auto proofs = judged({by_heart});
  EXPECT_FALSE(proofs[0].holds);
  EXPECT_NEAR(proofs[0].after, 1, 1e-6);
}

TEST_F(JudgeTest, WhatPredictsAnotherCountDoesNotApply) {
  const Hypothesis short_one{
      "layout.permute",
      [](const Half&) {
        return Prediction{{{2}, {1, 2}}, {}, {}};
      },
      false};
  EXPECT_TRUE(judged({short_one}).empty());
}

TEST(Half, SplitsInTwo) {
  int64_t first = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    EXPECT_NE(Half::first().holds(i), Half::second().holds(i));
    EXPECT_TRUE(Half::all().holds(i));
    first += Half::first().holds(i);
  }
  EXPECT_NEAR(static_cast<double>(first), 5000, 200);
}

TEST(Catalogue, KnowsItsIdsAndNoOthers) {
  for (size_t i = 0; i < catalogue().size(); ++i) {
    EXPECT_EQ(rank_of(catalogue()[i].id), i) << catalogue()[i].id;
  }
  EXPECT_THAT(error_of([] { rank_of("rope.twist"); }), HasSubstr("rope.twist is no cause"));
}

} // namespace
} // namespace mflux::parity
