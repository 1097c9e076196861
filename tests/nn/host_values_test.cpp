#include "mflux/nn/host_values.h"

#include <vector>

#include "gmock/gmock.h"

namespace mflux::nn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HostValues, OfEveryType) {
  const std::vector<int64_t> values{-1, 0, int64_t{1} << 40, 7, 8, 9};
  EXPECT_THAT(
      host_values(mx::array(values.data(), {2, 3}, mx::int64)),
      ElementsAre(-1, 0, 1099511627776.0, 7, 8, 9));
  EXPECT_THAT(host_values(mx::array({1, -2}, mx::int32)), ElementsAre(1, -2));
  EXPECT_THAT(host_values(mx::array({true, false, true})), ElementsAre(1, 0, 1));
  EXPECT_THAT(host_values(mx::array({0.5f, 2.0f}, mx::bfloat16)), ElementsAre(0.5, 2));
  EXPECT_THAT(host_values(mx::array({3, 200}, mx::uint8)), ElementsAre(3, 200));
  EXPECT_THAT(host_values(mx::zeros({0, 4}, mx::int64)), IsEmpty());
}

TEST(HostValues, InOrderHoweverTheyLie) {
  const auto x = mx::reshape(mx::arange(6, mx::int64), {2, 3});
  EXPECT_THAT(host_values(mx::transpose(x)), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(host_values(mx::slice(x, {0, 1}, {2, 2})), ElementsAre(1, 4));
  EXPECT_THAT(host_values(mx::broadcast_to(mx::array(5, mx::int64), {3})), ElementsAre(5, 5, 5));
}

} // namespace
} // namespace mflux::nn
