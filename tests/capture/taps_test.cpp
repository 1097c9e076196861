#include "mflux/capture/taps.h"

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/vae/kl/resnet_block.h"
#include "mlx/graph_utils.h"
#include "support/allocations.h"
#include "support/expect_error.h"

namespace mflux::capture {
namespace {

/// Writes down what it sees.
class Notebook : public Observer {
 public:
  mx::array see(
      const std::string&,
      const std::string& checkpoint,
      Role role,
      const mx::array& x,
      Axes) override {
    lines.push_back(checkpoint + (role == Role::in ? " in" : " out"));
    return x;
  }
  std::vector<std::string> lines;
};

/// A small tree that calls one module twice and one method.
Weights resnet_weights() {
  Weights weights;
  for (const auto& [name, shape] : schema_of<kl::ResnetBlock>(2, 2, 1)) {
    weights.emplace(name, mx::ones(shape));
  }
  return weights;
}

kl::ResnetBlock make_resnet(std::shared_ptr<Taps> taps) {
  return load<kl::ResnetBlock>(Loader(resnet_weights(), std::move(taps)), 2, 2, 1);
}

std::string graph_of(const mx::array& array) {
  std::ostringstream text;
  mx::print_graph(text, {array});
  return text.str();
}

TEST(Taps, NameModulesAsHooksDo) {
  const auto taps = std::make_shared<Taps>("vae.block");
  const auto resnet = make_resnet(taps);
  Notebook notebook;
  const Watch watch(*taps, &notebook);
  resnet(mx::ones({1, 4, 4, 2}));
  EXPECT_THAT(
      notebook.lines,
      ::testing::ElementsAre(
          "vae.block.in in",
          "vae.block.norm1.in in",
          "vae.block.norm1 out",
          "vae.block.nonlinearity.in in",
          "vae.block.nonlinearity out",
          "vae.block.conv1.in in",
          "vae.block.conv1 out",
          "vae.block.norm2.in in",
          "vae.block.norm2 out",
          "vae.block.nonlinearity.call2.in in",
          "vae.block.nonlinearity.call2 out",
          "vae.block.dropout.in in",
          "vae.block.dropout out",
          "vae.block.conv2.in in",
          "vae.block.conv2 out",
          "vae.block out"));
}

// Off, a tap must cost nothing: the graph is the one of a tree without any taps.
TEST(Taps, OffAddNoGraphNode) {
  const auto x = mx::ones({1, 4, 4, 2});
  const auto bare = make_resnet(nullptr)(x);
  const auto taps = std::make_shared<Taps>("vae");
  const auto resnet = make_resnet(taps);
  EXPECT_EQ(graph_of(resnet(x)), graph_of(bare));
  {
    Notebook notebook;
    const Watch watch(*taps, &notebook);
    EXPECT_EQ(graph_of(resnet(x)), graph_of(bare)) << "watching alone changes no graph either";
    EXPECT_FALSE(notebook.lines.empty());
  }
  EXPECT_EQ(graph_of(resnet(x)), graph_of(bare));
}

TEST(Taps, OffAllocateNothing) {
  const Taps taps("a component's name that is longer than any small string");
  const std::string path = "decoder.up_blocks.0.resnets.0.conv_shortcut";
  const std::string name = "latents_of_a_name_longer_than_any_small_string";
  const auto x = mx::ones({2});
  int count = -1;
  {
    const testing::AllocationCounter counter;
    const auto call = taps.call(path);
    const auto seen = call.in(x, Axes::channels_last);
    const auto named = call.in("hidden_states", seen, Axes::as_is);
    const auto out = call.out(named, Axes::channels_last);
    const auto extra = taps.record(name, out, Axes::as_is);
    count = counter.count();
  }
  EXPECT_EQ(count, 0);
}

TEST(Taps, SeveralInputsCarryTheirArguments) {
  Taps taps("transformer");
  Notebook notebook;
  const Watch watch(taps, &notebook);
  const auto call = taps.call("");
  call.in("hidden_states", mx::array(1), Axes::as_is);
  call.in("timestep", mx::array(1), Axes::as_is);
  call.out(mx::array(1), Axes::as_is);
  EXPECT_THAT(
      notebook.lines,
      ::testing::ElementsAre(
          "transformer.in.hidden_states in", "transformer.in.timestep in", "transformer out"));
}

TEST(Taps, SeveralOutputsCarryTheirPositions) {
  Taps taps("transformer");
  Notebook notebook;
  const Watch watch(taps, &notebook);
  const auto call = taps.call("blocks.0");
  call.out(0, mx::array(1), Axes::as_is);
  call.out("1.0", mx::array(1), Axes::as_is);
  EXPECT_THAT(
      notebook.lines,
      ::testing::ElementsAre("transformer.blocks.0.out.0 out", "transformer.blocks.0.out.1.0 out"));
}

// As tools/reference counts: test_calls_are_counted_per_step in tests/reference/test_capture.py.
TEST(Taps, StepsEndTheNameAndCallsCountWithinThem) {
  Taps pipeline;
  const auto vae = pipeline.component("vae"), transformer = pipeline.component("transformer");
  Notebook notebook;
  const Watch watch(pipeline, &notebook);
  const auto x = mx::array(1);
  const auto call = [&](Taps& taps) {
    const auto once = taps.call("");
    once.in("x", x, Axes::as_is);
    once.out(0, x, Axes::as_is);
  };
  pipeline.record("scheduler.in.steps", x, Axes::as_is, Role::in);
  call(*vae);
  for (const int step : {1, 2}) {
    pipeline.begin_step(step);
    call(*transformer);
    call(*transformer);
    pipeline.record("noise_pred", x, Axes::as_is);
  }
  pipeline.record("latents@step=1", x, Axes::as_is);
  const auto open = transformer->call("late");
  pipeline.begin_step(std::nullopt);
  open.out(x, Axes::as_is);
  call(*vae);
  pipeline.record("decoded", x, Axes::as_is);
  EXPECT_THAT(
      notebook.lines,
      ::testing::ElementsAre(
          "scheduler.in.steps in",
          "vae.in.x in",
          "vae.out.0 out",
          "transformer.in.x@step=1 in",
          "transformer.out.0@step=1 out",
          "transformer.call2.in.x@step=1 in",
          "transformer.call2.out.0@step=1 out",
          "noise_pred@step=1 out",
          "transformer.in.x@step=2 in",
          "transformer.out.0@step=2 out",
          "transformer.call2.in.x@step=2 in",
          "transformer.call2.out.0@step=2 out",
          "noise_pred@step=2 out",
          "latents@step=1 out",
          "transformer.late@step=2 out",
          "vae.call2.in.x in",
          "vae.call2.out.0 out",
          "decoded out"));
}

TEST(Taps, StepsCountFromOne) {
  Notebook notebook;
  EXPECT_EQ(testing::error_of([&] { notebook.begin_step(0); }), "steps count from 1, got 0");
  const Taps unwatched;
  unwatched.begin_step(1);
}

/// Puts zeros in the place of one checkpoint.
class Replacing : public Notebook {
 public:
  mx::array see(
      const std::string& module,
      const std::string& checkpoint,
      Role role,
      const mx::array& x,
      Axes axes) override {
    Notebook::see(module, checkpoint, role, x, axes);
    return checkpoint == "vae.conv2" ? mx::zeros_like(x) : x;
  }
};

TEST(Taps, TheRunGoesOnWithWhatTheObserverGives) {
  const auto taps = std::make_shared<Taps>("vae");
  const auto resnet = make_resnet(taps);
  const auto x = mx::ones({1, 4, 4, 2});
  EXPECT_FALSE(mx::array_equal(resnet(x), x).item<bool>());
  Replacing replacing;
  const Watch watch(*taps, &replacing);
  EXPECT_TRUE(mx::array_equal(resnet(x), x).item<bool>());
}

} // namespace
} // namespace mflux::capture
