#include "mflux/capture/recorder.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/log.h"
#include "mflux/capture/inputs.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::capture {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

/// A 2 × 3 image of two channels whose elements count up.
mx::array counting() {
  return mx::reshape(mx::arange(12, mx::float32), {1, 2, 3, 2});
}

Json manifest_of(const std::filesystem::path& folder) {
  return read_json(folder / "manifest.json");
}

std::vector<std::string> field(const Json& manifest, const std::string& key) {
  std::vector<std::string> out;
  for (const auto& entry : manifest.at("checkpoints")) {
    out.push_back(entry.at(key));
  }
  return out;
}

// mflux parity bisect first asks what there is.
TEST(Recorder, ASurveyListsAllAndWritesNoTensors) {
  const testing::TemporaryFolder folder;
  Recorder recorder(
      folder / "dump",
      {.device = "cpu", .compute_dtype = "float32"},
      {.globs = {"vae.nothing"}, .is_survey = true});
  recorder.see("vae.conv", "vae.conv.in", Role::in, counting(), Axes::channels_last);
  recorder.see("vae.conv", "vae.conv", Role::out, counting(), Axes::as_is);
  recorder.finish();
  EXPECT_EQ(recorder.checkpoints(), 0u);
  const auto seen = artifacts::read_seen(folder / "dump/manifest.json");
  ASSERT_TRUE(seen && seen->size() == 2);
  EXPECT_EQ(seen->front().name, "vae.conv.in");
  EXPECT_EQ(seen->back().bytes, 48u);
  EXPECT_FALSE(std::filesystem::exists(folder / "dump/checkpoints-00001.safetensors"));
}

TEST(Recorder, WritesTheReferencesAxesAndFacts) {
  const testing::TemporaryFolder folder;
  Recorder recorder(
      folder / "dump", {.run = {{"height", 16}}, .device = "cpu", .compute_dtype = "float32"});
  recorder.see("vae.conv", "vae.conv.in", Role::in, counting(), Axes::channels_last);
  recorder.see("vae.conv", "vae.conv", Role::out, counting(), Axes::as_is);
  recorder.finish();
  EXPECT_EQ(recorder.checkpoints(), 2u);

  const Json manifest = manifest_of(folder / "dump");
  EXPECT_EQ(manifest["schema"], 1);
  EXPECT_EQ(manifest["run"]["height"], 16);
  EXPECT_EQ(manifest["framework"], std::string("mlx ") + mx::version());
  EXPECT_EQ(manifest["device"], "cpu");
  EXPECT_EQ(manifest["compute_dtype"], "float32");
  EXPECT_THAT(field(manifest, "name"), ::testing::ElementsAre("vae.conv.in", "vae.conv"));
  EXPECT_THAT(field(manifest, "role"), ::testing::ElementsAre("in", "out"));
  EXPECT_THAT(field(manifest, "dtype"), ::testing::ElementsAre("float32", "float32"));

  const Inputs dump(folder / "dump");
  const auto first = dump.require({"vae.conv.in"}), second = dump.require({"vae.conv"});
  EXPECT_EQ(first.shape, (artifacts::Shape{1, 2, 2, 3}));
  EXPECT_EQ(artifacts::value_at(first, 1), 2) << "channel 0 of the second pixel";
  EXPECT_EQ(second.shape, (artifacts::Shape{1, 2, 3, 2}));
  EXPECT_EQ(artifacts::value_at(second, 1), 1);
}

TEST(Recorder, KeepsHalfPrecision) {
  const testing::TemporaryFolder folder;
  Recorder recorder(folder.path(), {});
  recorder.see("a", "a", Role::out, mx::astype(counting(), mx::bfloat16), Axes::as_is);
  recorder.finish();
  EXPECT_EQ(Inputs(folder.path()).require({"a"}).dtype, artifacts::Dtype::bfloat16);
}

TEST(Recorder, KeepsTheGivenModulesAndCheckpoints) {
  const testing::TemporaryFolder folder;
  Recorder recorder(folder.path(), {}, {.globs = {"vae.conv?", "*.norm.in"}});
  for (const char* module : {"vae.conv1", "vae.conv_in", "vae.norm"}) {
    const std::string name = module;
    recorder.see(name, name + ".in", Role::in, mx::array(1.f), Axes::as_is);
    recorder.see(name, name, Role::out, mx::array(1.f), Axes::as_is);
  }
  recorder.finish();
  EXPECT_THAT(
      field(manifest_of(folder.path()), "name"),
      ::testing::ElementsAre("vae.conv1.in", "vae.conv1", "vae.norm.in"));
}

TEST(Recorder, NothingSeenIsAnError) {
  const testing::TemporaryFolder folder;
  Recorder recorder(folder / "dump", {}, {.globs = {"vea.*"}});
  recorder.see("vae", "vae", Role::out, mx::array(1.f), Axes::as_is);
  EXPECT_EQ(error_of([&] { recorder.finish(); }), "no checkpoint of this run matches vea.*");
  EXPECT_FALSE(std::filesystem::exists(folder / "dump"));
}

TEST(Recorder, AGlobThatMatchesNothingIsAWarning) {
  const testing::TemporaryFolder folder;
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  Recorder recorder(folder.path(), {}, {.globs = {"vae", "vea.*", "v*"}});
  recorder.see("vae", "vae", Role::out, mx::array(1.f), Axes::as_is);
  recorder.finish();
  set_log_sink({});
  EXPECT_THAT(warnings, ::testing::ElementsAre("no checkpoint of this run matches vea.*"));
}

TEST(Recorder, HoldsAShardAtMost) {
  const testing::TemporaryFolder folder;
  constexpr int kElements = 1 << 18; // 1 MB each
  Recorder recorder(folder.path(), {}, {.shard_bytes = size_t{2} << 20});
  mx::clear_cache();
  const size_t before = mx::get_active_memory();
  for (int i = 0; i < 9; ++i) {
    recorder.see(
        "x", fmt::format("x{}", i), Role::out, mx::full({kElements}, i, mx::float32), Axes::as_is);
    EXPECT_LE(mx::get_active_memory(), before + (size_t{3} << 20));
  }
  recorder.finish();
  const auto files = field(manifest_of(folder.path()), "file");
  EXPECT_EQ(files[1], "checkpoints-00001.safetensors");
  EXPECT_EQ(files[2], "checkpoints-00002.safetensors");
  EXPECT_EQ(files[8], "checkpoints-00005.safetensors");
  EXPECT_EQ(artifacts::value_at(Inputs(folder.path()).require({"x7"}), kElements - 1), 7);
}

TEST(Recorder, LeavesNothingOfAnOlderDump) {
  const testing::TemporaryFolder folder;
  write_file(folder / "manifest.json", "{}");
  write_file(folder / "checkpoints-00007.safetensors", "old");
  write_file(folder / "notes.txt", "mine");
  write_file(folder / "checkpoints-mine.safetensors", "mine");
  Recorder recorder(folder.path(), {});
  recorder.see("a", "a@step=3", Role::out, mx::array(1.f), Axes::as_is);
  recorder.finish();
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints-00007.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints-mine.safetensors"));
  EXPECT_EQ(manifest_of(folder.path())["checkpoints"][0]["step"], 3);
}

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    names.push_back(file.path().lexically_relative(folder).string());
  }
  return names;
}

TEST(Recorder, UnfinishedLeavesTheOlderDump) {
  const testing::TemporaryFolder folder;
  const auto record = [&](const std::filesystem::path& to, float value, bool is_finished) {
    Recorder recorder(to, {}, {.shard_bytes = 4});
    for (const char* name : {"a", "b", "c"}) {
      recorder.see(name, name, Role::out, mx::array(value), Axes::as_is);
    }
    if (is_finished) {
      recorder.finish();
    }
  };
  record(folder / "dump", 1, true);
  record(folder / "dump", 2, false);
  EXPECT_EQ(artifacts::value_at(Inputs(folder / "dump").require({"a"}), 0), 1);
  EXPECT_EQ(files_in(folder / "dump").size(), 4u) << "three shards and the manifest";
  record(folder / "new/dump", 2, false);
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  EXPECT_THAT(files_in(folder.path()), ::testing::SizeIs(5));
}

TEST(Staging, GoesWhenASignalEndsTheProcess) {
  const testing::TemporaryFolder folder;
  EXPECT_EXIT(
      {
        const Staging staging(folder / "dump");
        write_file(staging.path() / "manifest.json", "{}");
        std::fputs(files_in(folder.path()).size() == 2 ? "there" : "not there", stderr);
        remove_temporary_paths();
        _exit(0);
      },
      ::testing::ExitedWithCode(0),
      "^there");
  EXPECT_TRUE(files_in(folder.path()).empty());
}

TEST(IsDumpFile, TakesNoFileOfAnotherName) {
  EXPECT_TRUE(is_dump_file("manifest.json"));
  EXPECT_TRUE(is_dump_file("checkpoints-00012.safetensors"));
  for (const char* name :
       {"checkpoints-0012.safetensors",
        "checkpoints-000012.safetensors",
        "checkpoints-0001a.safetensors",
        "checkpoints-00012.safetensors.bak",
        "my-checkpoints-00012.safetensors"}) {
    EXPECT_FALSE(is_dump_file(name)) << name;
  }
}

} // namespace
} // namespace mflux::capture
