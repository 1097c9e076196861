#include "mflux/artifacts/manifest.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ManifestTest : public ::testing::Test {
 protected:
  Manifest read(const std::string& text) const {
    write_file(folder / kManifest, text);
    return read_manifest(folder / kManifest);
  }
  std::string rejection(const std::string& text) const {
    return error_of([&] { read(text); });
  }
  /// Of a manifest with this one checkpoint.
  std::string rejected_entry(const std::string& entry) const {
    return rejection(R"({"schema": 1, "checkpoints": [)" + entry + "]}");
  }
  testing::TemporaryFolder folder;
};

TEST_F(ManifestTest, ReadsEveryField) {
  const auto manifest = read(R"({
    "schema": 1, "run": {"height": 32}, "framework": "torch 2.13.0", "device": "cpu",
    "compute_dtype": "float32", "seed": 7, "partial": true, "error": "KeyError: 3", "later": [],
    "checkpoints": [
      {"name": "vae", "file": "a.npz", "key": "k", "class": "Conv2d", "step": 3, "role": "in",
       "dtype": "bfloat16", "slice": [[2, 6], [0, 1]], "shape": [8, 1], "later": {}},
      {"name": "b", "file": "b.npy", "key": null, "step": null, "slice": null}]})");
  EXPECT_EQ(manifest.run["height"], 32);
  EXPECT_EQ(manifest.framework, "torch 2.13.0");
  EXPECT_EQ(manifest.device, "cpu");
  EXPECT_EQ(manifest.compute_dtype, "float32");
  EXPECT_EQ(manifest.seed, 7);
  EXPECT_EQ(manifest.partial, "KeyError: 3");
  ASSERT_EQ(manifest.checkpoints.size(), 2u);
  const auto& first = manifest.checkpoints[0];
  EXPECT_EQ(first.name + " " + first.file + " " + first.key, "vae a.npz k");
  EXPECT_EQ(first.module_class, "Conv2d");
  EXPECT_EQ(first.step, 3);
  EXPECT_EQ(first.role, "in");
  EXPECT_EQ(first.dtype, "bfloat16");
  EXPECT_EQ(first.slice, (Ranges{{2, 6}, {0, 1}}));
  EXPECT_EQ(first.shape, (Shape{8, 1}));
  const auto& second = manifest.checkpoints[1];
  EXPECT_EQ(second.key, "");
  EXPECT_EQ(second.step, std::nullopt);
  EXPECT_EQ(second.slice, std::nullopt);
}

TEST_F(ManifestTest, WritesWhatItReads) {
  const std::string text =
      R"({"schema":1,"run":{"steps":4},"framework":"mlx 0.32.4","device":"cpu",)"
      R"("compute_dtype":"float32","seed":7,"partial":true,"error":"stopped",)"
      R"("checkpoints":[{"name":"x@step=2","file":"a.npz","key":"x",)"
      R"("class":"Linear","step":2,"role":"out","shape":[8],)"
      R"("slice":[[0,4]],"dtype":"float32"},)"
      R"({"name":"y","file":"y.npy","step":null}]})";
  const auto manifest = read(text);
  write_manifest(folder / "again.json", manifest);
  EXPECT_EQ(read_json(folder / "again.json").dump(), text);
}

TEST_F(ManifestTest, RunMayBeLeftOut) {
  EXPECT_EQ(read(R"({"schema": 1, "checkpoints": []})").run, Json::object());
  EXPECT_EQ(read(R"({"schema": 1, "run": null, "checkpoints": []})").run, Json::object());
}

TEST_F(ManifestTest, RefusesWhatItCannotRead) {
  EXPECT_THAT(
      rejection(R"({"schema": 2, "checkpoints": []})"),
      AllOf(HasSubstr("manifest.json: "), HasSubstr("schema is 2, this version reads schema 1")));
  EXPECT_THAT(rejection(R"({"checkpoints": []})"), HasSubstr("\"schema\" is missing"));
  EXPECT_THAT(rejection(R"({"schema": 1})"), HasSubstr("\"checkpoints\" must be a list"));
  EXPECT_THAT(
      rejection(R"({"schema": 1, "run": 3, "checkpoints": []})"),
      HasSubstr("run: expected a JSON object"));
  EXPECT_THAT(rejected_entry("7"), HasSubstr("checkpoints[0]: expected a JSON object"));
  EXPECT_THAT(rejected_entry(R"({"file": "a.npz"})"), HasSubstr("\"name\" is missing"));
  EXPECT_THAT(rejected_entry(R"({"name": "", "file": "a"})"), HasSubstr("name is empty"));
  EXPECT_THAT(
      rejected_entry(R"({"name": "x", "file": "a", "slice": [[4, 0]]})"),
      AllOf(HasSubstr("checkpoints[0] (x)"), HasSubstr("ends before it begins")));
  EXPECT_THAT(
      rejected_entry(R"({"name": "x", "file": "a", "slice": [[0, -4]]})"),
      HasSubstr("expected a size"));
  EXPECT_THAT(
      rejected_entry(R"({"name": "x", "file": "a", "shape": 3})"),
      HasSubstr("shape must be a list of sizes"));
  EXPECT_THAT(
      rejected_entry(R"({"name": "x", "file": "a", "role": "output"})"),
      HasSubstr("checkpoints[0] (x): role is \"output\", expected in, out or weight"));
}

} // namespace
} // namespace mflux::artifacts
