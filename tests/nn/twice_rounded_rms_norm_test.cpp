#include "mflux/nn/twice_rounded_rms_norm.h"

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "support/fixture.h"

namespace mflux::nn {
namespace {

// Of numbers that are rounded once instead, a quarter differ.
TEST(TwiceRoundedRMSNorm, RoundsBeforeItsWeightAndAfter) {
  const capture::Inputs dump(testing::fixture("nn/qwen3_rms_norm.safetensors"));
  const auto at = [&](const char* name) { return to_array(dump.require({name})); };
  const Loader loader(Weights{{"weight", at("weight")}});
  const TwiceRoundedRMSNorm norm(loader.root(), 48, 1e-3);
  const auto got = norm(at("x")), want = at("out");
  ASSERT_EQ(got.dtype(), mx::bfloat16);
  ASSERT_EQ(got.shape(), want.shape());
  const auto unequal = mx::sum(mx::not_equal(got, want)).item<int>();
  EXPECT_LE(unequal, static_cast<int>(want.size() / 500));
}

} // namespace
} // namespace mflux::nn
