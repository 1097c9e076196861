#include "mflux/capture/injector.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/log.h"
#include "mflux/capture/recorder.h"
#include "mflux/capture/tensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::capture {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

TEST(ParseInjection, TellsNameFileAndTensor) {
  const auto plain = parse_injection("prompt_embeds=ref");
  EXPECT_EQ(plain.checkpoint, "prompt_embeds");
  EXPECT_EQ(plain.file, "ref");
  EXPECT_EQ(plain.name, "prompt_embeds");
  const auto step = parse_injection("transformer.blocks.3.in.x@step=2=a=b/c.npz#x@step=12");
  EXPECT_EQ(step.checkpoint, "transformer.blocks.3.in.x@step=2");
  EXPECT_EQ(step.file, "a=b/c.npz");
  EXPECT_EQ(step.name, "x@step=12");
}

TEST(ParseInjection, AFileMayHaveAHashInItsName) {
  const testing::TemporaryFolder folder;
  const auto file = (folder / "a#b.npy").string();
  write_file(file, "");
  EXPECT_EQ(parse_injection("x=" + file).file, file);
  EXPECT_EQ(parse_injection("x=" + file + "#y").file, file);
  EXPECT_EQ(parse_injection("x=" + file + "#y").name, "y");
}

TEST(ParseInjection, RefusesHalves) {
  for (const char* text : {"", "x", "=f", "x=", "x@step=2", "x@step=2=", "x=#y", "x=f#"}) {
    EXPECT_THAT(error_of([&] { parse_injection(text); }), HasSubstr("expected CHECKPOINT=FILE"))
        << text;
  }
}

class InjectorTest : public ::testing::Test {
 protected:
  InjectorTest() {
    // [1, 2, 2, 3] as the reference has it: two channels.
    artifacts::write_safetensors(
        file,
        {{"image", to_tensor(mx::reshape(mx::arange(12, mx::float32), {1, 2, 2, 3}))},
         {"x", to_tensor(mx::array({1.f, 2.f}))},
         {"ids", to_tensor(mx::array({7, 8}, mx::int64))},
         {"bad", to_tensor(mx::array({1.f, std::numeric_limits<float>::quiet_NaN()}))}});
  }
  Injection injection(const std::string& checkpoint, const std::string& name) const {
    return {checkpoint, file, name};
  }
  mx::array see(Injector& injector, const std::string& name, const mx::array& x, Axes axes) const {
    return injector.see("module", name, Role::out, x, axes);
  }
  testing::TemporaryFolder folder;
  std::filesystem::path file = folder / "dump.safetensors";
};

TEST_F(InjectorTest, GivesTheRunsAxesAndType) {
  Injector injector({injection("vae@step=1", "image"), injection("ids", "ids")}, nullptr);
  const auto image =
      see(injector, "vae@step=1", mx::zeros({1, 2, 3, 2}, mx::bfloat16), Axes::channels_last);
  EXPECT_EQ(image.dtype(), mx::bfloat16);
  const auto expected =
      mx::moveaxis(mx::reshape(mx::arange(12, mx::bfloat16), {1, 2, 2, 3}), 1, -1);
  EXPECT_TRUE(mx::array_equal(image, expected).item<bool>());
  const auto ids = see(injector, "ids", mx::zeros({2}, mx::int32), Axes::as_is);
  EXPECT_EQ(ids.dtype(), mx::int32);
  EXPECT_TRUE(mx::array_equal(ids, mx::array({7, 8})).item<bool>());
  injector.finish();
}

TEST_F(InjectorTest, LeavesTheRestAndTellsTheNext) {
  Recorder recorder(folder / "dump", {});
  Injector injector({injection("b.in", "x")}, &recorder);
  const auto zeros = mx::zeros({2});
  EXPECT_TRUE(mx::array_equal(see(injector, "b", zeros, Axes::as_is), zeros).item<bool>());
  const auto x = see(injector, "b.in", zeros, Axes::as_is);
  EXPECT_TRUE(mx::array_equal(x, mx::array({1.f, 2.f})).item<bool>());
  injector.finish();
  recorder.finish();
  const Inputs dump(folder / "dump");
  EXPECT_EQ(artifacts::value_at(dump.require({"b.in"}), 1), 2);
  EXPECT_EQ(artifacts::value_at(dump.require({"b"}), 1), 0);
}

TEST_F(InjectorTest, RefusesOtherShapesAndKinds) {
  Injector injector({injection("a", "image"), injection("b", "ids"), injection("c", "x")}, nullptr);
  EXPECT_THAT(
      error_of([&] {
        see(injector, "a", mx::zeros({1, 2, 2, 3}), Axes::channels_last);
      }),
      AllOf(
          HasSubstr("cannot inject image of"),
          HasSubstr("for a: it is [1, 2, 2, 3], the run has [1, 3, 2, 2] there")));
  EXPECT_THAT(
      error_of([&] { see(injector, "b", mx::zeros({2}), Axes::as_is); }),
      HasSubstr("it is of int64, the run has floating-point numbers there"));
  EXPECT_THAT(
      error_of([&] { see(injector, "c", mx::zeros({2}, mx::int32), Axes::as_is); }),
      HasSubstr("it is of float32, the run has integers there"));
}

TEST_F(InjectorTest, WarnsOfNaN) {
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, const std::string& text) { warnings.push_back(text); });
  Injector injector({injection("a", "bad"), injection("b", "x")}, nullptr);
  see(injector, "a", mx::zeros({2}), Axes::as_is);
  see(injector, "b", mx::zeros({2}), Axes::as_is);
  set_log_sink({});
  EXPECT_THAT(warnings, ::testing::ElementsAre(HasSubstr("injected for a, holds NaN or infinity")));
}

TEST_F(InjectorTest, WhatWasNeverReachedIsAnError) {
  Injector injector({injection("vae.decode.in@step=3", "x")}, nullptr);
  see(injector, "vae.decode.in@step=2", mx::zeros({2}), Axes::as_is);
  see(injector, "other", mx::zeros({2}), Axes::as_is);
  EXPECT_EQ(
      error_of([&] { injector.finish(); }),
      "nothing was injected for vae.decode.in@step=3: the run has no such checkpoint; the nearest "
      "is vae.decode.in@step=2");
}

TEST_F(InjectorTest, RefusesWhatIsNotThere) {
  EXPECT_THAT(
      error_of([&] { Injector({injection("a", "imag")}, nullptr); }),
      HasSubstr("the nearest is image"));
  EXPECT_THAT(
      error_of([&] {
        Injector({injection("a", "x"), injection("a", "image")}, nullptr);
      }),
      HasSubstr("a is injected twice"));
}

} // namespace
} // namespace mflux::capture
