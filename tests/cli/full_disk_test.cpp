// The verbs of `mflux parity` that write, on a disk that is too small.
#include <fmt/format.h>

#include <filesystem>

#include "cli/parity_command.h"
#include "mflux/artifacts/write.h"
#include "mflux/image/png.h"

namespace mflux {
namespace {

using mflux::testing::floats;
using mflux::testing::normal;
using mflux::testing::quoted;
using mflux::testing::run_shell;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A run that passes, two noisy pictures, and a folder "disk".
class FullDisk : public mflux::testing::ParityCommand {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder / "disk");
    if (on_disk("true").code != 0) {
      GTEST_SKIP() << "no file system may be mounted here";
    }
    for (const char* side : {"run/ref", "run/mlx"}) {
      std::filesystem::create_directories(folder / side);
      artifacts::write_npz(
          folder / fmt::format("{}/x.npz", side), {{"x", floats({100, 100}, normal(10'000, 1))}});
    }
    save("a.png", 1);
    save("b.png", 2);
  }

  void save(const std::string& name, unsigned seed) const {
    Image image{64, 64, std::vector<uint8_t>(64 * 64 * 3)};
    const auto values = normal(image.rgb.size(), seed);
    for (size_t i = 0; i < values.size(); ++i) {
      image.rgb[i] = static_cast<uint8_t>(128 + 30 * values[i]);
    }
    write_png(folder / name, image);
  }

  /// Runs `command` beside "disk", a file system of its own, and then names on standard output what
  /// files it left there.
  mflux::testing::CommandResult on_disk(
      const std::string& command, const std::string& size = "8k") const {
    const auto script = fmt::format(
        "mount -t tmpfs -o size={} none disk && {{ {}; code=$?; find disk -type f; exit $code; }}",
        size,
        command);
    return run_shell(fmt::format(
        "cd {} && unshare --user --map-root-user --mount sh -c {}",
        quoted(folder.path().string()),
        quoted(script)));
  }

  void expect_no_room(const std::string& arguments) const {
    const auto result =
        on_disk(fmt::format("{} parity {} > answer", quoted(MFLUX_BINARY), arguments));
    EXPECT_EQ(result.code, 2) << arguments << result.err;
    EXPECT_THAT(
        result.err,
        AllOf(
            StartsWith("mflux: cannot write "),
            HasSubstr("disk/"),
            HasSubstr("No space left on device")));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "") << arguments << " left something";
  }
};

TEST_F(FullDisk, NoReport) {
  expect_no_room("report run --out disk/report.html");
}

TEST_F(FullDisk, NoPicture) {
  expect_no_room("image a.png b.png --out disk/side.png");
  expect_no_room("image a.png b.png --heat disk/heat.png");
}

TEST_F(FullDisk, NoFixture) {
  expect_no_room("lock run --to disk/fixture --test none");
  EXPECT_FALSE(std::filesystem::exists(folder / "run/locked.json"));
}

/// What was locked before is still there, whole, when its successor has no room.
TEST_F(FullDisk, AnOlderFixtureStays) {
  artifacts::write_npz(folder / "run/ref/y.npz", {{"y", floats({4}, normal(4, 1))}});
  artifacts::write_npz(folder / "run/mlx/y.npz", {{"y", floats({4}, normal(4, 1))}});
  const auto lock = quoted(MFLUX_BINARY) + " parity lock run --to disk/fixture --test none ";
  const auto result = on_disk(
      fmt::format(
          "{0} --only y > answer && cp -r disk/fixture before && {0} --update; "
          "code=$?; diff -r before disk/fixture >&2; (exit $code)",
          lock),
      "32k");
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("No space left on device"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder / "before"));
}

} // namespace
} // namespace mflux
