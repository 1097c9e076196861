#include "mflux/capture/inputs.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/log.h"
#include "mflux/capture/tensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::capture {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

artifacts::NamedTensor scalar(const std::string& name, float value) {
  return {name, to_tensor(mx::array(value))};
}

double value(const Inputs& inputs, const std::vector<std::string>& names) {
  return artifacts::value_at(inputs.require(names), 0);
}

class InputsTest : public ::testing::Test {
 protected:
  void write_manifest(const std::string& checkpoints) {
    artifacts::write_safetensors(folder / "a.safetensors", {scalar("x", 1), scalar("y", 2)});
    write_file(
        folder / "manifest.json",
        R"({"schema": 1, "run": {"height": 32}, "checkpoints": [)" + checkpoints + "]}");
  }
  std::string rejection() {
    return error_of([&] { Inputs inputs(folder.path()); });
  }
  testing::TemporaryFolder folder;
};

TEST_F(InputsTest, ReadsByTheManifestsNames) {
  write_manifest(
      R"({"name": "vae.decode.in", "file": "a.safetensors", "key": "y"},
         {"name": "x", "file": "a.safetensors"})");
  const Inputs inputs(folder.path());
  EXPECT_EQ(value(inputs, {"vae.decode.in"}), 2);
  EXPECT_EQ(value(inputs, {"x"}), 1);
  EXPECT_EQ(inputs.run().at("height"), 32);
}

TEST_F(InputsTest, LoneTensorNeedsNoKey) {
  artifacts::write_npy(folder / "latents.npy", to_tensor(mx::array(5.f)));
  write_manifest(R"({"name": "vae.decode.in", "file": "latents.npy"})");
  EXPECT_EQ(value(Inputs(folder.path()), {"vae.decode.in"}), 5);
}

TEST_F(InputsTest, ReadsFilesWithoutManifest) {
  artifacts::write_safetensors(folder / "a.safetensors", {scalar("x", 1)});
  artifacts::write_npz(folder / "b.npz", {scalar("y", 2)});
  EXPECT_EQ(value(Inputs(folder.path()), {"none", "y"}), 2);
  EXPECT_EQ(value(Inputs(folder / "a.safetensors"), {"x"}), 1);
  artifacts::write_npz(folder / "c.npz", {scalar("y", 3)});
  EXPECT_THAT(rejection(), HasSubstr("y is in several files"));
}

TEST_F(InputsTest, LoneNpyIsAnyName) {
  artifacts::write_npy(folder / "latents.npy", to_tensor(mx::array(5.f)));
  EXPECT_EQ(value(Inputs(folder / "latents.npy"), {"vae.decode.in"}), 5);
}

TEST_F(InputsTest, NamesTheNearestWhenMissing) {
  artifacts::write_safetensors(folder / "a.safetensors", {scalar("vae.decode.i", 1)});
  EXPECT_THAT(
      error_of([&] {
        Inputs(folder.path()).require({"vae.decode.in", "z"});
      }),
      HasSubstr("has no vae.decode.in or z among its 1 tensors; the nearest is vae.decode.i"));
}

TEST_F(InputsTest, FindsTheLastStep) {
  artifacts::write_safetensors(
      folder / "a.safetensors",
      {scalar("latents@step=9", 1), scalar("latents@step=10", 2), scalar("latents@step=x", 3)});
  EXPECT_EQ(Inputs(folder.path()).last_step("latents"), "latents@step=10");
  EXPECT_EQ(Inputs(folder.path()).last_step("noise_pred"), std::nullopt);
}

TEST_F(InputsTest, StepsStandInTheNameOrBesideIt) {
  write_manifest(
      R"({"name": "latents", "file": "a.safetensors", "key": "x", "step": 1},
         {"name": "latents@step=2", "file": "a.safetensors", "key": "y", "step": 2})");
  const Inputs inputs(folder.path());
  EXPECT_FALSE(inputs.has("latents"));
  EXPECT_EQ(value(inputs, {"latents@step=1"}), 1);
  EXPECT_EQ(inputs.last_step("latents"), "latents@step=2");
}

TEST_F(InputsTest, ListedTwiceIsAnError) {
  write_manifest(
      R"({"name": "x", "file": "a.safetensors"}, {"name": "x", "file": "a.safetensors"})");
  EXPECT_THAT(rejection(), HasSubstr("manifest.json: x is listed twice"));
  write_manifest(
      R"({"name": "x", "file": "a.safetensors", "step": 3},
         {"name": "x@step=3", "file": "a.safetensors", "key": "x"})");
  EXPECT_THAT(rejection(), HasSubstr("x@step=3"));
}

TEST_F(InputsTest, WarnsOfPartialDumps) {
  write_manifest("");
  write_file(
      folder / "manifest.json",
      R"({"schema": 1, "partial": true, "error": "no power", "checkpoints": []})");
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  const Inputs inputs(folder.path());
  set_log_sink({});
  EXPECT_THAT(warnings, ::testing::ElementsAre(HasSubstr("ended early: no power")));
}

TEST_F(InputsTest, FindsWithoutReading) {
  write_manifest(R"({"name": "vae.decode.in", "file": "a.safetensors", "key": "y"})");
  const auto found = Inputs(folder.path()).find({"none", "vae.decode.in"});
  EXPECT_EQ(found.name, "vae.decode.in");
  EXPECT_EQ(found.file, folder / "a.safetensors");
  EXPECT_EQ(found.dtype, artifacts::Dtype::float32);
  EXPECT_EQ(found.shape, artifacts::Shape{});
}

TEST_F(InputsTest, RefusesCrops) {
  write_manifest(R"({"name": "x", "file": "a.safetensors", "slice": [[0, 1]]})");
  EXPECT_THAT(
      error_of([&] { Inputs(folder.path()).require({"x"}); }), HasSubstr("x is only a crop"));
}

TEST_F(InputsTest, RefusesBadDumps) {
  EXPECT_THAT(error_of([] { Inputs("/nowhere"); }), HasSubstr("/nowhere does not exist"));
  EXPECT_THAT(rejection(), HasSubstr("holds no dump"));
  write_manifest(R"({"name": "x", "file": "../a.safetensors"})");
  EXPECT_THAT(rejection(), HasSubstr("lies outside the dump"));
  write_manifest(R"({"name": "x", "file": "/etc/passwd"})");
  EXPECT_THAT(rejection(), HasSubstr("lies outside the dump"));
  write_manifest(R"({"name": "x", "file": "b.safetensors"})");
  EXPECT_THAT(rejection(), HasSubstr("b.safetensors"));
  write_manifest(R"({"name": "x", "file": "a.safetensors", "key": "z"})");
  EXPECT_THAT(rejection(), HasSubstr("has no tensor z"));
  write_manifest("7");
  EXPECT_THAT(rejection(), HasSubstr("expected a JSON object"));
  write_file(folder / "manifest.json", R"({"schema": 2, "checkpoints": []})");
  EXPECT_THAT(rejection(), HasSubstr("schema is 2, this version reads schema 1"));
  write_file(folder / "manifest.json", R"({"schema": 1, "checkpoints": {}})");
  EXPECT_THAT(rejection(), HasSubstr("\"checkpoints\" must be a list"));
  write_file(folder / "manifest.json", R"({"schema": 1, "run": 3, "checkpoints": []})");
  EXPECT_THAT(rejection(), HasSubstr("expected a JSON object"));
}

} // namespace
} // namespace mflux::capture
