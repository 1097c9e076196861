#include "cli/generate_flags.h"

#include <set>

#include "cli/generate_inputs.h"
#include "cli/split_name.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::cli {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

GenerateFlags with_seeds(std::vector<std::string> seeds) {
  GenerateFlags flags;
  flags.seeds = std::move(seeds);
  return flags;
}

TEST(Seeds, AreThoseGiven) {
  EXPECT_EQ(
      seeds_of(with_seeds({"3", "0", "18446744073709551615"})),
      (std::vector<uint64_t>{3, 0, 18446744073709551615u}));
}

TEST(Seeds, AreRandomWhenNoneIsGiven) {
  GenerateFlags flags;
  EXPECT_EQ(seeds_of(flags).size(), 1u);
  flags.auto_seeds = 50;
  const auto seeds = seeds_of(flags);
  EXPECT_EQ(std::set(seeds.begin(), seeds.end()).size(), 50u);
  EXPECT_NE(seeds, seeds_of(flags));
}

TEST(Seeds, BadOnesAreErrors) {
  for (const char* text : {"x", "1.5", "-1", "18446744073709551616", "1 ", "0x10"}) {
    EXPECT_THAT(error_of([&] { seeds_of(with_seeds({text})); }), HasSubstr("0 to 2^64 - 1"));
  }
  EXPECT_THAT(error_of([] { seeds_of(with_seeds({"1", "1"})); }), HasSubstr("given twice"));
  GenerateFlags flags;
  for (const int count : {0, -3, 10'001}) {
    flags.auto_seeds = count;
    EXPECT_THAT(error_of([&] { seeds_of(flags); }), HasSubstr("expected 1 to 10000"));
  }
}

TEST(Sigmas, Descend) {
  GenerateFlags flags;
  flags.prompt = "x";
  flags.sigmas = {1, 0.5, 0.25};
  check_generate_flags(flags);
  for (const auto& bad : {std::vector{0.5, 0.7}, std::vector{0.5, 0.5}}) {
    flags.sigmas = bad;
    EXPECT_THAT(error_of([&] { check_generate_flags(flags); }), HasSubstr("descend from"));
  }
}

TEST(ImageFlag, SplitsOffTheStrength) {
  using Split = std::pair<std::filesystem::path, std::optional<double>>;
  EXPECT_EQ(split_strength("a.png"), Split("a.png", std::nullopt));
  EXPECT_EQ(split_strength("a.png:0.25"), Split("a.png", 0.25));
  EXPECT_EQ(split_strength("c:/a.png:1"), Split("c:/a.png", 1.0));
  const TemporaryFolder folder;
  write_file(folder / "a:1", "");
  EXPECT_EQ(split_strength(folder / "a:1"), Split(folder / "a:1", std::nullopt));
  for (const char* bad : {"a.png:1.5", "a.png:-0.1", "a.png:", "a.png:x", "a.png:nan", "a:0.5x"}) {
    EXPECT_THAT(error_of([&] { split_strength(bad); }), HasSubstr("a number from 0 to 1")) << bad;
  }
}

TEST(LatentsFlag, SplitsOffTheName) {
  using Split = std::pair<std::filesystem::path, std::optional<std::string>>;
  EXPECT_EQ(split_name("ref"), Split("ref", std::nullopt));
  EXPECT_EQ(split_name("a.npz#latents@step=1"), Split("a.npz", "latents@step=1"));
  const TemporaryFolder folder;
  write_file(folder / "a#1", "");
  EXPECT_EQ(split_name(folder / "a#1"), Split(folder / "a#1", std::nullopt));
  EXPECT_EQ(split_name((folder / "a#1").string() + "#z"), Split(folder / "a#1", "z"));
}

TEST(PromptFile, LosesItsLastLineBreakOnly) {
  const TemporaryFolder folder;
  GenerateFlags flags;
  flags.prompt_file = folder / "prompt.txt";
  const auto prompt = [&](const std::string& text) {
    write_file(flags.prompt_file, text);
    return read_request(flags).prompt;
  };
  EXPECT_EQ(prompt("a\nb\n"), "a\nb");
  EXPECT_EQ(prompt("a\r\n"), "a");
  EXPECT_EQ(prompt("a\n\n"), "a\n");
  EXPECT_EQ(prompt(""), "");
  EXPECT_THAT(error_of([&] { prompt("ab\xff"); }), HasSubstr("not UTF-8: byte 2 begins no"));
}

} // namespace
} // namespace mflux::cli
