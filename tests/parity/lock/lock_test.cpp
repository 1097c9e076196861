#include "mflux/parity/lock/lock.h"

#include "gmock/gmock.h"
#include "mflux/artifacts/manifest.h"
#include "mflux/base/atomic_file.h"
#include "mflux/image/png.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/lock/thin.h"
#include "mflux/parity/transforms/transform.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;
using artifacts::NamedTensor;
using artifacts::Ranges;
using artifacts::Tensor;
using mflux::testing::error_of;
using mflux::testing::floats;
using mflux::testing::normal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor applied(const std::string& chain, const Tensor& tensor) {
  return transformed(parse_chain(chain), tensor);
}

/// Golden: tools/reference's centre_slice([5, 64, 64], 100) and ([1, 7], 3).
TEST(CentreSlice, IsThatOfTheReferenceTools) {
  EXPECT_EQ(centre_slice({5, 64, 64}, 100), (Ranges{{0, 5}, {30, 34}, {30, 34}}));
  EXPECT_EQ(centre_slice({1, 7}, 3), (Ranges{{0, 1}, {2, 4}}));
  EXPECT_EQ(centre_slice({}, 1), Ranges{});
  EXPECT_EQ(centre_slice({0, 4}, 1), (Ranges{{0, 0}, {0, 4}}));
}

TEST(IsFed, IsWhatAComponentIsRunOn) {
  for (const char* name :
       {"vae.decode.in.z", "transformer.in.hidden_states@step=2", "text_encoder.in", "input_ids"}) {
    EXPECT_TRUE(is_fed(parse_name(name))) << name;
  }
  for (const char* name : {"vae.decode", "transformer.blocks.0.in", "latents@step=1", "image"}) {
    EXPECT_FALSE(is_fed(parse_name(name))) << name;
  }
}

class LockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("ref", 1);
    write("mlx", 1 + 1e-6);
    Json manifest = {{"schema", 1}, {"framework", "torch"}, {"environment", {{"python", "3.11"}}}};
    manifest["run"] = {{"steps", 4}};
    for (const char* name : {"vae.decode.in.z", "vae.decode.conv", "vae.decode", "ids"}) {
      manifest["checkpoints"].push_back(
          {{"name", name}, {"file", "all.npz"}, {"key", name}, {"class", "Conv2d"}});
    }
    write_file(run / "ref" / "manifest.json", manifest.dump());
  }

  void write(const std::string& side, double factor) const {
    fs::create_directories(run / side);
    const auto scale = "scale " + std::to_string(factor);
    artifacts::write_npz(
        run / side / "all.npz",
        {{"vae.decode.in.z", floats({64, 64}, normal(4096, 1))},
         {"vae.decode.conv", applied(scale, floats({8, 64, 64}, normal(32768, 2)))},
         {"vae.decode", applied(scale, floats({3, 16, 16}, normal(768, 3)))},
         {"ids", mflux::testing::tensor_of<int64_t>(artifacts::Dtype::int64, {3}, {1, 2, 3})}});
  }

  Locked lock(const std::function<void(LockOptions&)>& change = [](LockOptions&) {}) const {
    LockOptions options;
    options.run = run;
    options.max_total = 60'000;
    change(options);
    return lock_run(options);
  }

  Verdict against(const fs::path& port) const {
    CompareOptions options;
    options.ref = fixture;
    options.port = port;
    return compare(options).verdict;
  }

  mflux::testing::TemporaryFolder folder;
  fs::path run = folder / "debug_artifacts" / "x", fixture = folder / "tests" / "fixtures" / "x";
};

TEST_F(LockTest, WritesASmallDumpThatThePortPasses) {
  const Locked locked = lock();
  EXPECT_EQ(locked.fixture, fixture);
  EXPECT_EQ(locked.checkpoints, 4U);
  EXPECT_EQ(locked.cropped, 1U);
  EXPECT_LE(locked.bytes, 60'000U);
  EXPECT_NEAR(locked.worst_rel_l2, 1e-6, 1e-7);
  const auto manifest = artifacts::read_manifest(fixture / "manifest.json");
  ASSERT_EQ(manifest.checkpoints.size(), 4U);
  EXPECT_EQ(manifest.checkpoints[0].slice, std::nullopt) << "inputs stay whole";
  EXPECT_EQ(manifest.checkpoints[1].shape, (artifacts::Shape{8, 64, 64}));
  EXPECT_TRUE(manifest.checkpoints[1].slice);
  EXPECT_EQ(against(run / "mlx"), Verdict::pass);
  write("mlx", 1.01);
  EXPECT_EQ(against(run / "mlx"), Verdict::fail);
}

TEST_F(LockTest, PicturesAreLeftOut) {
  for (const char* side : {"ref", "mlx"}) {
    write_png(run / side / "image.png", {.width = 2, .height = 1, .rgb = {1, 2, 3, 4, 5, 6}});
  }
  lock();
  const Dump dump = Dump::open(fixture);
  for (const auto& checkpoint : dump.checkpoints()) {
    EXPECT_NE(checkpoint.text, "image.png");
  }
}

TEST_F(LockTest, SaysWhereItComesFrom) {
  lock([](LockOptions& options) { options.tool = "mflux 9"; });
  const Json manifest = read_json(fixture / "manifest.json");
  EXPECT_EQ(manifest["framework"], "torch");
  EXPECT_EQ(manifest["environment"]["python"], "3.11");
  EXPECT_EQ(manifest["run"]["steps"], 4);
  EXPECT_EQ(manifest["checkpoints"][2]["class"], "Conv2d");
  EXPECT_EQ(manifest["lock"]["run"], "debug_artifacts/x");
  EXPECT_EQ(manifest["lock"]["tool"], "mflux 9");
  EXPECT_EQ(manifest["lock"]["verdict"], "PASS");
  EXPECT_THAT(manifest["lock"]["worst"]["name"].get<std::string>(), HasSubstr("vae.decode"));
  const Json mark = read_json(run / "locked.json");
  EXPECT_EQ(mark["fixtures"][0]["fixture"], "tests/fixtures/x");
  EXPECT_EQ(read_file(folder / "debug_artifacts" / ".gitignore"), "*\n");
}

TEST_F(LockTest, CarriesTheTolerances) {
  write("mlx", 1 + 5e-5);
  write_file(
      run / "parity.toml",
      "[[tolerance]]\nmatch = \"vae*\"\natol = 1e-3\nrtol = 1e-4\n"
      "[[tolerance]]\nmatch = \"transformer\"\natol = 1\nrtol = 1\n");
  lock();
  const auto rules = read_tolerances(fixture / "parity.toml");
  ASSERT_EQ(rules.size(), 1U) << "those of what is kept";
  EXPECT_EQ(rules[0].match, "vae*");
  EXPECT_EQ(rules[0].tolerance.atol, 1e-3);
  EXPECT_EQ(rules[0].tolerance.rtol, 1e-4);
  EXPECT_EQ(against(run / "mlx"), Verdict::pass);
}

TEST_F(LockTest, WhatWasJudgedAsBfloat16StaysSo) {
  artifacts::write_npz(
      run / "mlx" / "all.npz",
      {{"vae.decode.in.z", floats({64, 64}, normal(4096, 1))},
       {"vae.decode.conv", applied("cast bfloat16", floats({8, 64, 64}, normal(32768, 2)))},
       {"vae.decode", applied("cast bfloat16", floats({3, 16, 16}, normal(768, 3)))},
       {"ids", mflux::testing::tensor_of<int64_t>(artifacts::Dtype::int64, {3}, {1, 2, 3})}});
  lock([](LockOptions& options) { options.max_total = 20'000; });
  EXPECT_EQ(read_tolerances(fixture / "parity.toml")[0].tolerance.atol, 1e-2);
  EXPECT_EQ(against(run / "mlx"), Verdict::pass);
}

TEST_F(LockTest, WithRef32TheToleranceIsWhatThePortNeeded) {
  write("ref32", 1 + 0.01);
  write("mlx", 1 + 0.015);
  lock();
  EXPECT_EQ(against(run / "mlx"), Verdict::pass);
  write("mlx", 1 + 0.05);
  EXPECT_EQ(against(run / "mlx"), Verdict::fail);
}

TEST_F(LockTest, AFailingRunIsRefused) {
  write("mlx", 1.01);
  EXPECT_THROW(lock(), NotPassing);
  EXPECT_THAT(
      error_of([&] { lock(); }), HasSubstr("2 of 4 checkpoints do not pass, vae.decode.conv is"));
  EXPECT_FALSE(fs::exists(folder / "tests"));
  EXPECT_FALSE(fs::exists(run / "locked.json"));
  EXPECT_EQ(lock([](LockOptions& options) { options.only = {"ids", "*.in.z"}; }).checkpoints, 2U);
}

TEST_F(LockTest, AnExistingFixtureNeedsUpdate) {
  lock();
  const auto before = read_file(fixture / "manifest.json");
  EXPECT_THAT(error_of([&] { lock(); }), HasSubstr("exists already: --update replaces it"));
  EXPECT_EQ(read_file(fixture / "manifest.json"), before);
  write_file(fixture / "x_parity_test.cpp", "// edited");
  write_file(fixture / "README.md", "why");
  write_file(fixture / "checkpoints-00009.safetensors", "of an older lock");
  lock([](LockOptions& options) {
    options.update = true;
    options.only = {"ids"};
  });
  EXPECT_EQ(artifacts::read_manifest(fixture / "manifest.json").checkpoints.size(), 1U);
  EXPECT_EQ(read_file(fixture / "x_parity_test.cpp"), "// edited");
  EXPECT_EQ(read_file(fixture / "README.md"), "why");
  EXPECT_FALSE(fs::exists(fixture / "checkpoints-00009.safetensors"));
  EXPECT_EQ(read_json(run / "locked.json")["fixtures"].size(), 1U);
  std::vector<std::string> beside;
  for (const auto& entry : fs::directory_iterator(fixture.parent_path())) {
    beside.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(beside, ElementsAre("x")) << "nothing half made is left";
}

TEST_F(LockTest, WhatIsNoFixtureIsNeverReplaced) {
  fs::create_directories(fixture);
  write_file(fixture / "precious.txt", "x");
  const auto update = [](LockOptions& options) { options.update = true; };
  EXPECT_THAT(error_of([&] { lock(update); }), HasSubstr("is no fixture that parity lock wrote"));
  EXPECT_EQ(read_file(fixture / "precious.txt"), "x");
}

TEST_F(LockTest, WhatDoesNotFitIsOneLineAndLeavesNothing) {
  const auto refusal = [&](auto change) { return error_of([&] { lock(change); }); };
  EXPECT_THAT(
      refusal([](LockOptions& o) { o.max_bytes = 10'000; }),
      HasSubstr("vae.decode.in.z takes 16384 bytes and must stay whole"));
  EXPECT_THAT(
      refusal([](LockOptions& o) { o.max_total = 10'000; }), HasSubstr("do not fit 10000 bytes"));
  EXPECT_THAT(
      refusal([](LockOptions& o) { o.only = {"vae.decod"}; }),
      HasSubstr("did you mean vae.decode"));
  EXPECT_THAT(refusal([](LockOptions& o) { o.name = "a/b"; }), HasSubstr("cannot name a fixture"));
  EXPECT_THAT(refusal([](LockOptions& o) { o.name = ".x"; }), HasSubstr("cannot name a fixture"));
  EXPECT_THAT(refusal([](LockOptions& o) { o.run = "none"; }), HasSubstr("does not exist"));
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().string().find(".lock-"), std::string::npos) << entry.path();
  }
  EXPECT_FALSE(fs::exists(run / "locked.json"));
}

TEST_F(LockTest, ACropOfACropIsOneCrop) {
  const Tensor whole = floats({8, 64, 64}, normal(32768, 2));
  const Ranges own = {{2, 8}, {10, 50}, {0, 64}};
  artifacts::write_npz(run / "ref" / "all.npz", {{"vae.decode.conv", whole.slice(own)}});
  Json manifest = {{"schema", 1}};
  manifest["checkpoints"].push_back(
      {{"name", "vae.decode.conv"},
       {"file", "all.npz"},
       {"key", "vae.decode.conv"},
       {"slice", own},
       {"shape", whole.shape}});
  write_file(run / "ref" / "manifest.json", manifest.dump());
  EXPECT_EQ(lock().cropped, 1U);
  EXPECT_EQ(against(run / "mlx"), Verdict::pass);
}

} // namespace
} // namespace mflux::parity
