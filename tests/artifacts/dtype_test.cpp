#include "mflux/artifacts/dtype.h"

#include "gtest/gtest.h"

namespace mflux::artifacts {
namespace {

TEST(Dtype, NamesAndSizes) {
  EXPECT_EQ(size_of(Dtype::boolean), 1u);
  EXPECT_EQ(size_of(Dtype::float8_e5m2), 1u);
  EXPECT_EQ(size_of(Dtype::bfloat16), 2u);
  EXPECT_EQ(size_of(Dtype::complex64), 8u);
  EXPECT_EQ(size_of(Dtype::complex128), 16u);
  EXPECT_EQ(name_of(Dtype::boolean), "bool");
  EXPECT_EQ(name_of(Dtype::float8_e4m3), "float8_e4m3");
  EXPECT_EQ(name_of(Dtype::complex128), "complex128");
}

TEST(Dtype, EveryNameIsFoundAgain) {
  for (int i = 0; i <= static_cast<int>(Dtype::complex128); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    EXPECT_EQ(dtype_named(name_of(dtype)), dtype);
    EXPECT_EQ(is_integral(dtype) + is_floating(dtype) + is_complex(dtype), 1);
  }
  EXPECT_EQ(dtype_named("float"), std::nullopt);
}

TEST(Dtype, Kinds) {
  EXPECT_TRUE(is_integral(Dtype::boolean));
  EXPECT_TRUE(is_integral(Dtype::int64));
  EXPECT_TRUE(is_floating(Dtype::float8_e4m3));
  EXPECT_TRUE(is_floating(Dtype::float64));
  EXPECT_TRUE(is_complex(Dtype::complex64));
}

} // namespace
} // namespace mflux::artifacts
