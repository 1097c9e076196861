#include "mflux/nn/load_component.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/write.h"
#include "mflux/capture/tensors.h"
#include "mflux/nn/module.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::nn {
namespace {

using mflux::testing::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Toy : Module {
  Toy(Scope here, int n) : Module(std::move(here)), size(n) {}
  int size;
  mx::array weight = parameter("weight", {size});
};

class LoadComponentTest : public ::testing::Test {
 protected:
  void write(const mx::array& weight) {
    artifacts::write_safetensors(
        folder / "model.safetensors", {{"weight", capture::to_tensor(weight)}});
  }
  mflux::testing::TemporaryFolder folder;
};

TEST_F(LoadComponentTest, ReadsInTheRunsType) {
  write(mx::astype(mx::arange(3), mx::bfloat16));
  const auto toy = load_component<Toy>(folder.path(), mx::float32, nullptr, 3);
  EXPECT_EQ(toy.weight.dtype(), mx::float32);
  EXPECT_EQ(mx::sum(toy.weight).item<float>(), 3);
}

TEST_F(LoadComponentTest, NamesTheFileAndWhatIsWrong) {
  write(mx::zeros({4}));
  EXPECT_THAT(
      error_of([&] { load_component<Toy>(folder.path(), mx::float32, nullptr, 3); }),
      AllOf(HasSubstr("model.safetensors"), HasSubstr("weight is [4], expected [3]")));
  EXPECT_THAT(
      error_of([&] { load_component<Toy>(folder / "none", mx::float32, nullptr, 3); }),
      HasSubstr("holds no weights"));
}

} // namespace
} // namespace mflux::nn
