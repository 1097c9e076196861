#include "mflux/nn/rotary.h"

#include <vector>

#include "gtest/gtest.h"
#include "mflux/capture/inputs.h"
#include "mflux/capture/tensors.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"

namespace mflux::nn {
namespace {

/// Tables of the published klein's axes at far positions.
struct Reference {
  capture::Inputs inputs{testing::fixture("nn/rotary_tables.safetensors")};

  mx::array at(const std::string& name) const {
    return to_array(inputs.require({name}));
  }

  RotaryTables tables() const {
    const auto ids = mx::astype(at("ids"), mx::float32);
    mx::eval(ids);
    const std::vector<float> positions(ids.data<float>(), ids.data<float>() + ids.size());
    return rotary_tables(positions, {32, 32, 32, 32}, 2000);
  }
};

double most(const mx::array& got, const mx::array& want) {
  EXPECT_EQ(got.shape(), want.shape());
  return mx::max(mx::abs(mx::subtract(got, want))).item<float>();
}

// Angles in float32 would be off by 1.5e-5 here.
TEST(RotaryTables, AreTheReferencesToTheLastPlace) {
  const Reference reference;
  const auto tables = reference.tables();
  EXPECT_LE(most(tables.cos, reference.at("cos")), 6e-8);
  EXPECT_LE(most(tables.sin, reference.at("sin")), 6e-8);
}

TEST(RotatePairs, IsTheReferences) {
  const Reference reference;
  const auto turned = rotate_pairs(reference.at("x"), reference.tables());
  EXPECT_LE(most(turned, reference.at("turned")), 1e-6);
}

} // namespace
} // namespace mflux::nn
