#include "mflux/base/nearest.h"

#include "gtest/gtest.h"

namespace mflux {
namespace {

TEST(Nearest, FindsTheLeastEdited) {
  const std::vector<std::string> names{"conv_in.weight", "conv_in.bias", "conv_out.weight"};
  EXPECT_EQ(nearest("conv_in.weigth", names), "conv_in.weight");
  EXPECT_EQ(nearest("conv_ou.weight", names), "conv_out.weight");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("bias", {"transformer.proj_out.weight"}), "");
  EXPECT_EQ(nearest("x", {}), "");
}

} // namespace
} // namespace mflux
