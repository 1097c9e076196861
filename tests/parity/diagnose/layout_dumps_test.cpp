#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using ::testing::ElementsAre;
using testing::in_bfloat16;
using ::testing::IsEmpty;
using testing::normal;
using testing::row;
using testing::with_noise;

using Values = std::vector<float>;

TEST(DumpHiddenIndex, TheLayerBefore) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const Values a = normal(300, seed), b = normal(300, seed + 10), c = normal(300, seed + 20);
    const auto found = diagnosed(
        {row("hidden_states.1", a), row("hidden_states.2", b), row("hidden_states.3", c)},
        {row("hidden_states.1", with_noise(a, 1)),
         row("hidden_states.2", with_noise(b, 2)),
         row("hidden_states.3", with_noise(b, 3))});
    EXPECT_THAT(found.causes(), ElementsAre("dump.hidden_index at hidden_states.3"));
    EXPECT_EQ(found.diagnosis.causes.front().detail, "it is the reference's hidden_states.2");
  }
}

TEST(DumpHiddenIndex, BeforeTheFinalNorm) {
  const Values a = in_bfloat16(normal(300, 1)), b = in_bfloat16(normal(300, 2));
  const auto found = diagnosed(
      {row("text_encoder.layers.3", a), row("prompt_embeds", b)},
      {row("text_encoder.layers.3", a), row("prompt_embeds", a)});
  EXPECT_THAT(found.causes(), ElementsAre("dump.hidden_index at prompt_embeds"));
}

TEST(DumpDuplicate, AnotherStep) {
  const Values a = normal(300, 1), b = normal(300, 2);
  const auto found = diagnosed(
      {row("latents@step=1", a), row("latents@step=2", b)},
      {row("latents@step=1", with_noise(a, 1)), row("latents@step=2", with_noise(a, 2))});
  EXPECT_THAT(found.causes(), ElementsAre("dump.duplicate at latents@step=2"));
}

TEST(DumpDuplicate, OfALoopsLastStepsWhichLookAlike) {
  const Values from = normal(300, 1), noise = normal(300, 2);
  std::vector<artifacts::NamedTensor> ref, port;
  const auto add = [&](const std::string& name, const Values& right, const Values& dumped) {
    ref.push_back(row(name, right));
    port.push_back(row(name, dumped));
  };
  Values now = from, before;
  add("latents_packed", now, now);
  for (int step = 1; step <= 4; ++step) {
    before = now;
    for (size_t i = 0; i < now.size(); ++i) {
      now[i] = before[i] + 0.004f * noise[i];
    }
    const std::string at = "@step=" + std::to_string(step);
    add("noise_pred" + at, noise, noise);
    add("latents" + at, now, step == 4 ? before : now);
  }
  EXPECT_THAT(diagnosed(ref, port).causes(), ElementsAre("dump.duplicate at latents@step=4"));
}

TEST(DumpStale, WhatItWasCopiedToAgrees) {
  const Values x = normal(300, 1), y = normal(300, 2), z = normal(300, 3);
  const auto found = diagnosed(
      {row("transformer.in", x),
       row("transformer.a.in", x),
       row("transformer.a", y),
       row("transformer.b.in", y),
       row("transformer.b", z),
       row("transformer", z)},
      {row("transformer.in", x),
       row("transformer.a.in", x),
       row("transformer.a", normal(300, 9)),
       row("transformer.b.in", with_noise(y, 2)),
       row("transformer.b", z),
       row("transformer", z)});
  EXPECT_THAT(found.causes(), ElementsAre("dump.stale at transformer.a"));
}

TEST(DumpStale, WhatItIsACopyOfAgrees) {
  const Values x = normal(300, 1), y = normal(300, 2), z = normal(300, 3);
  const auto said_of = [&](const Values& after) {
    return diagnosed(
               {row("transformer.in", x),
                row("transformer.a.in", x),
                row("transformer.a.out_proj", y),
                row("transformer.a", y),
                row("transformer", z)},
               {row("transformer.in", x),
                row("transformer.a.in", x),
                row("transformer.a.out_proj", with_noise(y, 2)),
                row("transformer.a", normal(300, 9)),
                row("transformer", after)})
        .causes();
  };
  EXPECT_THAT(said_of(with_noise(z, 3)), ElementsAre("dump.stale at transformer.a"));
  EXPECT_THAT(said_of(normal(300, 10)), IsEmpty()) << "the module itself did something";
}

TEST(DumpStale, WhatFollowsFailsByNoiseAlone) {
  const Values x = normal(300, 1), y = normal(300, 2), z = normal(300, 3);
  const auto said_of = [&](double off) {
    Values later = z;
    for (size_t i = 0; i < later.size(); ++i) {
      later[i] *= 1 + (i % 2 ? off : -off);
    }
    return diagnosed(
               {row("latents_initial", x), row("latents@step=1", y), row("latents@step=2", z)},
               {row("latents_initial", x),
                row("latents@step=1", normal(300, 11)),
                row("latents@step=2", later)})
        .causes();
  };
  EXPECT_THAT(said_of(4e-5), ElementsAre("dump.stale at latents@step=1"));
  EXPECT_THAT(said_of(4e-2), IsEmpty());
}

TEST(Dump, AFewWrongElementsAreNoOldTensor) {
  const Values x = normal(300, 1), y = normal(300, 2);
  const auto said_of = [&](const Values& port) {
    return diagnosed(
               {row("latents_initial", x), row("noise_pred@step=1", y), row("latents@step=1", x)},
               {row("latents_initial", x),
                row("noise_pred@step=1", port),
                row("latents@step=1", x)})
        .causes();
  };
  Values few = y;
  few[7] += 1;
  few[90] += 1;
  few[250] += 1;
  EXPECT_THAT(said_of(few), IsEmpty());
  EXPECT_THAT(said_of(normal(300, 11)), ElementsAre("dump.stale at noise_pred@step=1"));
}

TEST(Dump, ExchangedCheckpointsAreNoMistakeOfTheDump) {
  const Values a = normal(300, 1), b = normal(300, 2);
  const auto found = diagnosed({row("p", a), row("q", b)}, {row("p", b), row("q", a)});
  EXPECT_THAT(found.causes(), IsEmpty());
}

} // namespace
} // namespace mflux::parity
