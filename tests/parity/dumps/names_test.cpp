#include "mflux/parity/dumps/names.h"

#include "gmock/gmock.h"

namespace mflux::parity {
namespace {

using ::testing::ElementsAre;

TEST(ParseName, TakesANameApart) {
  const Name name = parse_name("transformer.blocks.3.attn.call2.in.x.0@step=4");
  EXPECT_EQ(name.path, "transformer.blocks.3.attn");
  EXPECT_EQ(name.call, 2);
  EXPECT_EQ(name.role, Role::in);
  EXPECT_EQ(name.argument, "x.0");
  EXPECT_EQ(name.step, 4);
  EXPECT_EQ(canonical(name), "transformer.blocks.3.attn.call2.in.x.0@step=4");
  EXPECT_EQ(without_step(name), "transformer.blocks.3.attn.call2.in.x.0");
}

TEST(ParseName, OneCheckpointHasOneSpelling) {
  const auto spelled = [](const char* text) { return canonical(parse_name(text)); };
  EXPECT_EQ(spelled("vae.decode.out.0"), "vae.decode");
  EXPECT_EQ(spelled("attn.out.1"), "attn.out.1");
  EXPECT_EQ(spelled("attn.out.0.1"), "attn.out.0.1");
  EXPECT_EQ(spelled("latents@step=04"), "latents@step=4");
  EXPECT_EQ(spelled("attn@step=2.in"), "attn.in@step=2");
  EXPECT_EQ(spelled("attn.call1"), "attn");
  EXPECT_EQ(spelled("attn.out.0.out.0"), "attn");
  EXPECT_EQ(spelled("attn.out.0.call1"), "attn");
  EXPECT_EQ(spelled("attn.call2.call1"), "attn.call2");
  EXPECT_EQ(spelled("attn.out.0.out.1"), "attn.out.0.out.1");
}

TEST(ParseName, WhatIsNoSuffixStaysInThePath) {
  for (const char* text :
       {"in",
        "in.x",
        "callback",
        "a.call0",
        "a@step=",
        "a@step=x",
        "a@step=1x",
        "to_out.0",
        "a..b",
        "",
        ".",
        "a@step=99999999999",
        "out.0"}) {
    EXPECT_EQ(canonical(parse_name(text)), text);
    EXPECT_EQ(parse_name(text).role, Role::out);
    EXPECT_EQ(parse_name(text).step, std::nullopt);
  }
}

TEST(ParseFileName, ReadsEverySpellingOfAStep) {
  for (const char* text :
       {"latents_step_04", "latents.step4", "latents@step=4", "latents.step=04"}) {
    const Name name = parse_file_name(text);
    EXPECT_EQ(name.path, "latents") << text;
    EXPECT_EQ(name.step, 4) << text;
  }
  EXPECT_FALSE(parse_file_name("weights/latents_step_04").step);
  EXPECT_FALSE(parse_file_name("footstep").step);
}

TEST(ParseName, WeightsAreNoCheckpoints) {
  EXPECT_EQ(parse_name("weights/conv.in.weight").role, Role::weight);
  EXPECT_EQ(canonical(parse_name("weights/a@step=1")), "weights/a@step=1");
}

TEST(Modules, NestTheVaeBelowItsMethods) {
  const auto modules = [](const char* text) { return modules_of(parse_name(text)); };
  EXPECT_THAT(modules("vae.decode"), ElementsAre("vae.decode"));
  EXPECT_THAT(modules("vae.decoder.conv_in"), ElementsAre("vae.decode", "decoder", "conv_in"));
  EXPECT_THAT(modules("vae.post_quant_conv"), ElementsAre("vae.decode", "post_quant_conv"));
  EXPECT_THAT(modules("vae.quant_conv"), ElementsAre("vae.encode", "quant_conv"));
  EXPECT_THAT(modules("transformer.blocks.0"), ElementsAre("transformer", "blocks", "0"));
}

TEST(Component, IsKnownOrThePipeline) {
  const auto component = [](const char* text) { return component_of(parse_name(text)); };
  EXPECT_EQ(component("vae.decoder.conv_in.in"), "vae.decode");
  EXPECT_EQ(component("transformer@step=2"), "transformer");
  EXPECT_EQ(component("text_encoder_2.layers.0"), "text_encoder_2");
  EXPECT_EQ(component("noise_pred@step=1"), "pipeline");
  EXPECT_EQ(component("transformer_blocks.0.attn"), "pipeline");
}

TEST(Normalised, AgreesAcrossWriters) {
  for (const char* text :
       {"noise_pred@step=4",
        "noise_pred_step_04",
        "noise_pred_step4",
        "noise_pred.step_4",
        "noise_pred/step4",
        "step4.noise_pred",
        "step_04/noise_pred",
        "noise_pred@step=004"}) {
    EXPECT_EQ(normalised(text), "noise_pred@step=4") << text;
  }
  EXPECT_EQ(normalised("text_encoder.model.layers.2"), "text_encoder.layers.2");
  EXPECT_EQ(normalised("model.layers.2"), "layers.2");
  EXPECT_EQ(normalised("module._orig_mod.to_q.default"), "to_q");
  EXPECT_EQ(normalised("blocks/0/attn"), "blocks.0.attn");
}

TEST(Normalised, LeavesOtherWordsAlone) {
  for (const char* text :
       {"timestep", "num_steps", "step", "footstep4", "blocks.model.x", "step4x"}) {
    EXPECT_EQ(normalised(text), text);
  }
  EXPECT_EQ(normalised("timestep@step=2"), "timestep@step=2");
  EXPECT_EQ(normalised("model"), "model");
}

TEST(NaturalLess, ComparesNumbersAsNumbers) {
  EXPECT_TRUE(natural_less("blocks.2", "blocks.10"));
  EXPECT_FALSE(natural_less("blocks.10", "blocks.2"));
  EXPECT_TRUE(natural_less("a", "a.0"));
  EXPECT_FALSE(natural_less("a.01", "a.1"));
  EXPECT_FALSE(natural_less("a.1", "a.01"));
  EXPECT_TRUE(natural_less("a9b", "a09c"));
}

} // namespace
} // namespace mflux::parity
