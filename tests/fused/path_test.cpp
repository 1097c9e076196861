#include "mflux/nn/fused/path.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "mflux/nn/fused/kernels.h"
#include "mflux/nn/fused/launch.h"
#include "support/expect_error.h"

namespace mflux::nn::fused {
namespace {

TEST(FusedPath, IsChosenForAWhile) {
  const Path before = path();
  {
    const Chosen chosen(Path::fused);
    EXPECT_TRUE(takes_fused_path(mx::float32));
    const Chosen again(Path::composed);
    EXPECT_FALSE(takes_fused_path(mx::float32));
    EXPECT_FALSE(has_kernels(mx::bfloat16));
  }
  EXPECT_EQ(path(), before);
}

TEST(FusedPath, NeedsKernelsUnlessAskedFor) {
  const Chosen chosen(Path::automatic);
  EXPECT_FALSE(takes_fused_path(mx::float32));
  EXPECT_EQ(takes_fused_path(mx::bfloat16), has_kernels(mx::bfloat16));
}

TEST(FusedPath, IsNotWatchedUnlessAskedFor) {
  for (const auto& [path, expected] :
       {std::pair{Path::automatic, false}, {Path::composed, false}, {Path::fused, true}}) {
    const Chosen chosen(path);
    EXPECT_EQ(takes_fused_path(mx::bfloat16, true), expected);
  }
}

// What CMake made part of the library is what the compiler made of the sources.
TEST(Kernels, ArePartOfTheLibrary) {
  const std::filesystem::path folder = MFLUX_SOURCE_DIR "/mflux/nn/fused/cuda";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "built elsewhere: " << folder << " is not here";
  }
  int sources = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".cu") {
      ++sources;
      const std::string name = entry.path().stem().string();
      std::ifstream file(std::filesystem::path(entry.path()).replace_extension(".ptx"));
      const std::string ptx{std::istreambuf_iterator<char>(file), {}};
      EXPECT_EQ(kernel_ptx(name), ptx) << name;
      EXPECT_NE(ptx.find(".entry " + name + "("), std::string::npos) << name;
    }
  }
  EXPECT_GT(sources, 0);
  EXPECT_EQ(testing::error_of([] { kernel_ptx("none"); }), "no kernel is called \"none\"");
}

} // namespace
} // namespace mflux::nn::fused
