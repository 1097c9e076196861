#include "cli/signals.h"

#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"
#include "mflux/artifacts/write.h"
#include "mflux/weights/weights.h"
#include "support/temporary_folder.h"

namespace mflux::cli {
namespace {

// Weights are read when they are used: the file may have been cut off since.
TEST(Signals, ACutOffFileIsOneLine) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "model.safetensors";
  artifacts::write_safetensors(
      file,
      {{"w",
        artifacts::make_tensor(
            artifacts::Dtype::float32, {1 << 20}, std::vector<std::byte>(4 << 20))}});
  EXPECT_EXIT(
      {
        handle_signals();
        const auto weights = read_weights(file, mx::bfloat16);
        std::filesystem::resize_file(file, 4096);
        mx::array w = weights.at("w");
        w.eval();
        std::exit(0);
      },
      ::testing::ExitedWithCode(2),
      "model.safetensors was cut off while it was read");
}

} // namespace
} // namespace mflux::cli
