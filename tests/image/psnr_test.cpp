#include "mflux/image/psnr.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/expect_error.h"

namespace mflux {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(Psnr, IsTheTextbooks) {
  const Image a{2, 1, {0, 0, 0, 0, 0, 0}}, b{2, 1, {6, 0, 0, 0, 0, 0}};
  EXPECT_NEAR(psnr(a, b), 10 * std::log10(255.0 * 255.0 / 6.0), 1e-12);
  EXPECT_TRUE(std::isinf(psnr(a, a)));
  EXPECT_THAT(error_of([&] { psnr(a, Image{1, 2, a.rgb}); }), HasSubstr("2 × 1"));
}

} // namespace
} // namespace mflux
