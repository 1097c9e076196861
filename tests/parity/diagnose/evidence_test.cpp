#include "mflux/parity/diagnose/evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using ::testing::Each;
using ::testing::IsEmpty;
using testing::normal;
using testing::row;
using ::testing::SizeIs;
using ::testing::Truly;

class EvidenceTest : public ::testing::Test {
 protected:
  /// Of the last row, predicted to be `predicted`.
  Evidence evidence(
      const std::vector<NamedTensor>& ref,
      const std::vector<NamedTensor>& port,
      const std::vector<float>& predicted) {
    artifacts::write_npz(folder_ / "ref.npz", ref);
    artifacts::write_npz(folder_ / "mlx.npz", port);
    const auto comparison = compare({folder_ / "ref.npz", folder_ / "mlx.npz", {}, {}, {}});
    const Scene scene(comparison);
    const size_t last = comparison.rows.size() - 1;
    const Case at(scene, last, scene.pair(last));
    const Field field{
        {static_cast<int64_t>(predicted.size())}, {predicted.begin(), predicted.end()}};
    return evidence_of(at, at.ref, field);
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(EvidenceTest, TheStripLiesAroundTheWorstPlace) {
  auto port = normal(1000, 1);
  port[700] += 5;
  const auto found = evidence({row("x", normal(1000, 1))}, {row("x", port)}, port);
  EXPECT_EQ(found.strip.begin, 700 - 16);
  ASSERT_THAT(found.strip.ref, SizeIs(kStripValues));
  EXPECT_FLOAT_EQ(static_cast<float>(found.strip.port[16] - found.strip.ref[16]), 5);
  EXPECT_EQ(found.strip.predicted, found.strip.port);
}

TEST_F(EvidenceTest, TheStripStaysInside) {
  for (const size_t count : {1u, 5u, 31u, 33u}) {
    for (const size_t worst : {size_t{0}, count - 1}) {
      auto port = normal(count, 1);
      port[worst] += 5;
      const auto found = evidence({row("x", normal(count, 1))}, {row("x", port)}, port);
      EXPECT_THAT(found.strip.port, SizeIs(std::min(count, kStripValues)));
      EXPECT_EQ(found.strip.port[worst - static_cast<size_t>(found.strip.begin)], port[worst]);
      EXPECT_THAT(found.points, SizeIs(count));
    }
  }
}

TEST_F(EvidenceTest, OneWrongElementAmongManyIsAPoint) {
  auto port = normal(100000, 1);
  port[4711] += 5;
  const auto found = evidence({row("x", normal(100000, 1))}, {row("x", port)}, port);
  EXPECT_LE(found.points.size(), static_cast<size_t>(kSpread + kStretches));
  EXPECT_GE(found.points.size(), static_cast<size_t>(kSpread));
  const auto is_wrong = [](const auto& point) { return point.port != point.ref; };
  EXPECT_EQ(std::count_if(found.points.begin(), found.points.end(), is_wrong), 1);
}

TEST_F(EvidenceTest, WithoutAsManyElementsTheReferenceIsLeftOut) {
  const auto port = normal(64, 2);
  const auto found = evidence({row("x", normal(96, 1))}, {row("x", port)}, port);
  EXPECT_THAT(found.strip.ref, IsEmpty());
  EXPECT_THAT(found.strip.port, SizeIs(kStripValues));
  EXPECT_THAT(found.points, Each(Truly([](const auto& point) { return std::isnan(point.ref); })));
}

TEST_F(EvidenceTest, AFunctionOfTheInputIsACurveAndACloudIsNone) {
  const auto x = normal(500, 3);
  auto relu = x;
  for (auto& value : relu) {
    value = std::max(value, 0.0f);
  }
  const auto curve =
      evidence({row("m.in", x), row("m", relu)}, {row("m.in", x), row("m", x)}, x).curve;
  ASSERT_GE(curve.size(), 128u);
  for (size_t i = 0; i < curve.size(); ++i) {
    EXPECT_EQ(curve[i].ref, std::max(curve[i].ref_in, 0.0));
    EXPECT_EQ(curve[i].port, curve[i].port_in);
    EXPECT_TRUE(i == 0 || curve[i - 1].ref_in <= curve[i].ref_in);
  }
  const auto cloud = normal(500, 4);
  EXPECT_THAT(
      evidence({row("m.in", x), row("m", cloud)}, {row("m.in", x), row("m", x)}, x).curve,
      IsEmpty());
}

} // namespace
} // namespace mflux::parity
