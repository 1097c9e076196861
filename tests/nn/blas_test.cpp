#include "mflux/nn/blas_check.h"

#include <dlfcn.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mlx/mlx.h"

namespace mflux::nn {
namespace {

/// The file that the symbol comes from, as a library loaded by this process finds it.
std::string provider_of(const char* symbol) {
  Dl_info info{};
  void* address = dlsym(RTLD_DEFAULT, symbol);
  return address && dladdr(address, &info) ? info.dli_fname : "nobody";
}

// The wheel's own BLAS is thirty times slower; the link order must put OpenBLAS before it.
TEST(Blas, MlxGetsItsProductsFromOpenBlas) {
#if defined(__APPLE__) || !defined(MFLUX_EXPECT_OPENBLAS)
  GTEST_SKIP() << "built without OpenBLAS";
#endif
  EXPECT_THAT(provider_of("cblas_sgemm"), ::testing::HasSubstr("openblas"));
  EXPECT_THAT(provider_of("cblas_sgemm"), ::testing::Not(::testing::HasSubstr("mlx")));
}

TEST(Blas, MultipliesRightly) {
  EXPECT_NO_THROW(check_blas());
}

} // namespace
} // namespace mflux::nn
