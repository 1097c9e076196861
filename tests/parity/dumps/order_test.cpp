#include "mflux/parity/dumps/order.h"

#include "gmock/gmock.h"

namespace mflux::parity {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

class OrderTest : public ::testing::Test {
 protected:
  /// Names in inferred order; "name#7" has values with hash 7.
  std::vector<std::string> ordered(const std::vector<std::string>& texts) {
    std::vector<Name> names;
    for (const auto& text : texts) {
      names.push_back(parse_name(text.substr(0, text.find('#'))));
    }
    std::vector<OrderItem> items;
    for (size_t i = 0; i < texts.size(); ++i) {
      OrderItem item{&names[i], 0, false};
      if (const size_t hash = texts[i].find('#'); hash != std::string::npos) {
        item.hash = std::stoul(texts[i].substr(hash + 1));
        item.distinctive = true;
      }
      items.push_back(item);
    }
    result = infer_order(items);
    std::vector<std::string> out;
    for (const size_t i : result.order) {
      out.push_back(texts[i].substr(0, texts[i].find('#')));
    }
    return out;
  }

  InferredOrder result;
};

TEST_F(OrderTest, AChildRunsBeforeItsParentAndAfterItsInput) {
  EXPECT_THAT(
      ordered({"t.a", "t", "t.in", "t.a.in", "t.a.b"}),
      ElementsAre("t.in", "t.a.in", "t.a.b", "t.a", "t"));
}

TEST_F(OrderTest, BlocksSortAsNumbers) {
  EXPECT_THAT(ordered({"b.10", "b.9", "b.2"}), ElementsAre("b.2", "b.9", "b.10"));
  EXPECT_EQ(result.open, 0u);
}

TEST_F(OrderTest, EqualTensorsSayWhoFeedsWhom) {
  EXPECT_THAT(
      ordered({"t.a.in#1", "t.a#2", "t.b.in#3", "t.b#1"}),
      ElementsAre("t.b.in", "t.b", "t.a.in", "t.a"));
  EXPECT_EQ(result.links, 1u);
  EXPECT_EQ(result.open, 0u);
}

TEST_F(OrderTest, ACycleOfEqualTensorsLosesNothing) {
  EXPECT_THAT(
      ordered({"t.a.in#1", "t.a#2", "t.b.in#2", "t.b#1", "t.c"}),
      ::testing::UnorderedElementsAre("t.a.in", "t.a", "t.b.in", "t.b", "t.c"));
}

TEST_F(OrderTest, ThePipelineHasItsOrderAndStepsCount) {
  const std::vector<std::string> run = {
      "input_ids",
      "text_encoder.norm",
      "prompt_embeds",
      "latents_initial",
      "sigmas",
      "timestep@step=1",
      "transformer@step=1",
      "noise_pred@step=1",
      "latents@step=1",
      "timestep@step=2",
      "transformer@step=2",
      "noise_pred@step=2",
      "latents@step=2",
      "noise_pred@step=10",
      "latents_unpacked",
      "latents_scaled",
      "vae.decoder.conv_in",
      "vae.decode",
      "decoded",
      "image"};
  auto shuffled = run;
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_THAT(ordered(shuffled), ElementsAreArray(run));
}

TEST_F(OrderTest, SaysWhatRestsOnNamesAlone) {
  ordered({"t.alpha", "t.beta"});
  EXPECT_EQ(result.open, 1u);
}

TEST_F(OrderTest, KnowsTheHabitsOfBlocks) {
  EXPECT_THAT(
      ordered({"d.conv_out", "d.up_blocks.0", "d.conv_norm_out", "d.mid_block", "d.conv_in"}),
      ElementsAre("d.conv_in", "d.mid_block", "d.up_blocks.0", "d.conv_norm_out", "d.conv_out"));
  EXPECT_THAT(
      ordered({"r.conv1", "r.conv2", "r.norm1", "r.norm2"}),
      ElementsAre("r.norm1", "r.conv1", "r.norm2", "r.conv2"));
  EXPECT_THAT(
      ordered({"b.attn", "b.ff", "b.norm1", "b.norm2"}),
      ElementsAre("b.norm1", "b.attn", "b.norm2", "b.ff"));
}

TEST_F(OrderTest, QueriesComeBeforeKeysAndValues) {
  EXPECT_THAT(
      ordered({"a.to_v", "a.to_out", "a.to_k", "a.norm_k", "a.norm_q", "a.to_q"}),
      ElementsAre("a.to_q", "a.to_k", "a.to_v", "a.norm_q", "a.norm_k", "a.to_out"));
  EXPECT_THAT(
      ordered({"a.k_norm", "a.k_proj", "a.o_proj", "a.q_norm", "a.q_proj", "a.v_proj"}),
      ElementsAre("a.q_proj", "a.q_norm", "a.k_proj", "a.k_norm", "a.v_proj", "a.o_proj"));
}

TEST_F(OrderTest, APlaceDependsOnTheSiblings) {
  EXPECT_THAT(ordered({"m.layers.0", "m.norm"}), ElementsAre("m.layers.0", "m.norm"));
  EXPECT_THAT(ordered({"b.attn", "b.norm"}), ElementsAre("b.norm", "b.attn"));
  EXPECT_THAT(
      ordered({"b.attn1", "b.attn2", "b.norm1", "b.norm2", "b.norm3"}),
      ElementsAre("b.norm1", "b.attn1", "b.norm2", "b.attn2", "b.norm3"));
  EXPECT_THAT(
      ordered({"b.attn", "b.attn2", "b.norm1", "b.norm2"}),
      ElementsAre("b.norm1", "b.attn", "b.attn2", "b.norm2"));
}

TEST_F(OrderTest, AResidualBlocksActivationRunsTwice) {
  EXPECT_THAT(
      ordered(
          {"r.conv1", "r.conv2", "r.nonlinearity", "r.nonlinearity.call2", "r.norm1", "r.norm2"}),
      ElementsAre(
          "r.norm1", "r.nonlinearity", "r.conv1", "r.norm2", "r.nonlinearity.call2", "r.conv2"));
}

TEST_F(OrderTest, AndThriceWithATimeEmbedding) {
  EXPECT_THAT(
      ordered(
          {"r.conv1",
           "r.conv2",
           "r.nonlinearity",
           "r.nonlinearity.call2",
           "r.nonlinearity.call3",
           "r.norm1",
           "r.norm2",
           "r.time_emb_proj"}),
      ElementsAre(
          "r.norm1",
          "r.nonlinearity",
          "r.conv1",
          "r.nonlinearity.call2",
          "r.time_emb_proj",
          "r.norm2",
          "r.nonlinearity.call3",
          "r.conv2"));
}

TEST_F(OrderTest, APipelinesNameChangesNothing) {
  EXPECT_THAT(
      ordered({"pipe.transformer@step=1", "pipe.vae.decoder.conv_in", "latents@step=1"}),
      ElementsAre("pipe.transformer@step=1", "latents@step=1", "pipe.vae.decoder.conv_in"));
}

TEST_F(OrderTest, ResnetsAndAttentionsTakeTurns) {
  EXPECT_THAT(
      ordered({"m.attentions.0", "m.attentions.1", "m.resnets.0", "m.resnets.1", "m.upsamplers.0"}),
      ElementsAre(
          "m.resnets.0", "m.attentions.0", "m.resnets.1", "m.attentions.1", "m.upsamplers.0"));
  EXPECT_THAT(
      ordered({"m.attentions", "m.attentions.0", "m.resnets.0", "m.resnets.1"}),
      ElementsAre("m.attentions.0", "m.attentions", "m.resnets.0", "m.resnets.1"))
      << "a list with a tensor of its own is a module like others";
}

TEST_F(OrderTest, SecondCallsFollowFirstOnes) {
  EXPECT_THAT(
      ordered({"t.a.call2.b.call2", "t.a.call2", "t.a", "t.a.b", "t.a.b.call2"}).back(),
      "t.a.call2");
}

TEST_F(OrderTest, AnAbsurdlyDeepNameIsNoDanger) {
  std::string deep = "a";
  for (int i = 0; i < 30000; ++i) {
    deep += ".a";
  }
  EXPECT_THAT(ordered({deep, "b"}), ::testing::SizeIs(2));
}

} // namespace
} // namespace mflux::parity
