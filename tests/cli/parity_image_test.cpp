// `mflux parity image`, run as a user runs it.
#include <fmt/format.h>

#include "gmock/gmock.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "mflux/image/png.h"
#include "support/dumps.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using mflux::testing::CommandResult;
using mflux::testing::floats;
using mflux::testing::quoted;
using mflux::testing::run_shell;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ParityImage : public ::testing::Test {
 protected:
  void SetUp() override {
    save("a.png", 0);
    save("b.png", 60);
  }

  void save(const std::string& name, int change, int width = 16) const {
    Image image{width, 12, std::vector<uint8_t>(static_cast<size_t>(36 * width), 90)};
    image.rgb[10] = static_cast<uint8_t>(90 + change);
    write_png(folder / name, image);
  }

  CommandResult run(const std::string& arguments) const {
    return run_shell(fmt::format(
        "cd {} && {} parity image {}",
        quoted(folder.path().string()),
        quoted(MFLUX_BINARY),
        arguments));
  }

  void expect_refused(const std::string& arguments, const std::string& seen) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 2) << arguments;
    EXPECT_THAT(result.err, HasSubstr(seen));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_THAT(result.out, IsEmpty());
  }

  TemporaryFolder folder;
};

TEST_F(ParityImage, SaysTheNumbersAndTheRule) {
  const auto same = run("a.png a.png");
  EXPECT_EQ(same.code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("PASS  0 of 255 levels apart, at most 1"));
  const auto other = run("a.png b.png --json");
  EXPECT_EQ(other.code, 1);
  const Json json = parse_json(other.out);
  EXPECT_EQ(json["verdict"], "FAIL");
  EXPECT_EQ(json["picture"]["max_levels"], 60);
  EXPECT_EQ(json["width"], 16);
  EXPECT_EQ(run("a.png b.png --levels 60").code, 0);
}

TEST_F(ParityImage, WritesPicturesAndKeepsThoseThatAreThere) {
  EXPECT_THAT(
      run("a.png b.png --out side.png --heat heat.png --gain 4").out,
      HasSubstr("side.png: reference | port | FLIP × 4"));
  EXPECT_EQ(read_png(folder / "side.png").width, 3 * 16 + 2 * 4);
  EXPECT_EQ(read_png(folder / "heat.png").width, 16);
  EXPECT_THAT(run("a.png b.png --heat heat.png").out, HasSubstr("heat_1.png: FLIP (black"));
}

TEST_F(ParityImage, TakesTensorsAndRuns) {
  std::vector<float> values(3 * 12 * 16, 90.f / 255);
  values[3] = -1; // pushes both into [-1, 1]
  artifacts::write_npz(folder / "d.npz", {{"decoded", floats({1, 3, 12, 16}, values)}});
  EXPECT_EQ(run("'d.npz#decoded' d.npz").code, 0);
  std::filesystem::create_directories(folder / "run/ref");
  std::filesystem::create_directories(folder / "run/mlx");
  std::filesystem::create_directories(folder / "run/ref32");
  save("run/ref/image.png", 10);
  save("run/mlx/image.png", 14);
  save("run/ref32/image.png", 0);
  const auto result = run("run");
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, StartsWith("reference run/ref/image.png\nport      run/mlx/image.png"));
  EXPECT_THAT(result.out, HasSubstr("PASS  ratio 1.4 of 2 against ref32"));
}

TEST_F(ParityImage, OfABatchOnePictureIsNamed) {
  artifacts::write_npy(
      folder / "batch.npy", floats({2, 3, 12, 16}, std::vector<float>(1152, 0.5f)));
  expect_refused("batch.npy batch.npy", "say which with --batch 0 to 1");
  EXPECT_EQ(run("batch.npy batch.npy --batch 1").code, 0);
  expect_refused("batch.npy batch.npy --batch 2", "2");
}

TEST_F(ParityImage, OutputsArePngsAndLimitsNumbers) {
  expect_refused("a.png b.png --out c.jpg", "c.jpg: a PNG is written");
  expect_refused("a.png b.png --heat c", "c: a PNG is written");
  for (const char* option :
       {"--gain=nan", "--gain=0", "--levels=-1", "--levels=inf", "--batch=1.5"}) {
    expect_refused(fmt::format("a.png b.png {}", option), "expected");
  }
}

TEST_F(ParityImage, BadInputIsOneLine) {
  save("wide.png", 0, 17);
  write_file(folder / "bad.png", read_file(folder / "a.png").substr(0, 50));
  artifacts::write_npz(folder / "t.npz", {{"x", floats({6}, std::vector<float>(6))}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  artifacts::write_npz(folder / "n.npz", {{"image", floats({1, 1, 1, 1}, {nan})}});
  expect_refused("a.png wide.png", "the port's 17 × 12 of 3");
  expect_refused("a.png bad.png", "bad.png: the file is no readable PNG");
  expect_refused("a.png none.png", "does not exist");
  expect_refused("t.npz a.png", "is no picture");
  expect_refused("n.npz n.npz", "NaN");
  expect_refused("'t.npz#y' a.png", "has no checkpoint y");
  expect_refused("a.png a.png --out none/x.png", "none/x.png");
}

} // namespace
} // namespace mflux
