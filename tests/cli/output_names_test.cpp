#include "cli/output_names.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::cli {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

TEST(OutputNames, SayWhatThePromptSays) {
  EXPECT_EQ(file_name_for("a red apple"), "a_red_apple.png");
  EXPECT_EQ(file_name_for("  A car, 2 dogs & (one) cat!"), "A_car_2_dogs_one_cat.png");
  EXPECT_EQ(file_name_for("../../etc/passwd"), "etc_passwd.png");
  EXPECT_EQ(file_name_for("りんご 🍎"), "りんご_🍎.png");
  EXPECT_EQ(file_name_for("a\nb\x1b[0m"), "a_b_0m.png");
  EXPECT_EQ(file_name_for(""), "picture.png");
  EXPECT_EQ(file_name_for("?!"), "picture.png");
  EXPECT_EQ(file_name_for(std::string(500, 'x')), std::string(60, 'x') + ".png");
}

TEST(OutputNames, LongOnesEndWithAWholeCharacter) {
  std::string prompt = "x";
  for (int i = 0; i < 50; ++i) {
    prompt += "ご";
  }
  EXPECT_EQ(file_name_for(prompt).size(), 1 + 20 * 3 + 4u);
}

TEST(OutputNames, CarryTheSeed) {
  EXPECT_EQ(with_seed("out/a.b.png", 7), "out/a.b_seed_7.png");
}

TEST(OutputNames, AreNeverTaken) {
  const TemporaryFolder folder;
  EXPECT_EQ(free_path(folder / "a.png"), folder / "a.png");
  write_file(folder / "a.png", "");
  EXPECT_EQ(free_path(folder / "a.png"), folder / "a_1.png");
  std::filesystem::create_symlink("nowhere", folder / "a_1.png");
  EXPECT_EQ(free_path(folder / "a.png"), folder / "a_2.png");
  write_file(folder / "a_2.json", "");
  EXPECT_EQ(free_path(folder / "a.png", {".json"}), folder / "a_3.png");
}

TEST(OutputNames, AFileIsWrittenBesideAnOlderOne) {
  const TemporaryFolder folder;
  EXPECT_EQ(write_new_file(folder / "a.png", "first"), folder / "a.png");
  EXPECT_EQ(write_new_file(folder / "a.png", "second"), folder / "a_1.png");
  EXPECT_EQ(read_file(folder / "a.png"), "first");
  EXPECT_EQ(read_file(folder / "a_1.png"), "second");
}

TEST(OutputNames, UnwritablePlacesAreErrors) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { check_can_write(folder.path(), 1); }), HasSubstr("is a folder"));
  EXPECT_THAT(
      error_of([&] { check_can_write(folder / "no/a.png", 1); }),
      HasSubstr("its folder does not exist"));
  EXPECT_THAT(
      error_of([&] { check_can_write("/proc/a.png", 1); }), HasSubstr("cannot write /proc/a.png"));
  check_can_write(folder / "a.png", 3 << 20);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));

  write_file(folder / "file", "");
  EXPECT_THAT(
      error_of([&] { check_can_make_folder(folder / "file/a/b"); }),
      HasSubstr("cannot make the folder"));
  EXPECT_THAT(error_of([] { check_can_make_folder("/proc/a/b"); }), HasSubstr("cannot write"));
  check_can_make_folder(folder / "new/folder");
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

} // namespace
} // namespace mflux::cli
