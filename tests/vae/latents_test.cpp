#include "mflux/vae/flux2/latents.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/expect_error.h"

// That the order of elements is the pipeline's is proven in parity_test.cpp.
namespace mflux::flux2 {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

TEST(Flux2Latents, RejectWrongShapes) {
  EXPECT_THAT(
      error_of([] {
        patchify(mx::zeros({1, 3, 4, 2}));
      }),
      HasSubstr("latents are [1, 3, 4, 2]"));
  EXPECT_THAT(error_of([] { unpatchify(mx::zeros({1, 2, 2, 6})); }), HasSubstr("multiple of 4"));
  EXPECT_THAT(error_of([] { pack(mx::zeros({1, 2, 2})); }), HasSubstr("patched latents"));
  EXPECT_THAT(error_of([] { unpack(mx::zeros({1, 6, 4}), 2, 2); }), HasSubstr("2 × 2 tokens"));
  EXPECT_THAT(error_of([] { unpack(mx::zeros({1, 6, 4}), 65536, 65536); }), HasSubstr("tokens"));
}

} // namespace
} // namespace mflux::flux2
