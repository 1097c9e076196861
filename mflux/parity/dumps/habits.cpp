#include "mflux/parity/dumps/habits.h"

#include <algorithm>
#include <array>
#include <optional>

namespace mflux::parity {
namespace {

enum class How { is, begins, ends, has };

struct Habit {
  How how;
  std::string_view text;
  int rank;
};

constexpr int kUnknown = 45, kFirstNorm = 18, kLastNorm = 80;

/// The first that fits counts.
constexpr std::array kHabits{
    // what time, text and pixels become first
    Habit{How::is, "time_proj", 0},
    Habit{How::is, "timestep_embedder", 1},
    Habit{How::is, "guidance_embedder", 2},
    Habit{How::is, "text_embedder", 3},
    Habit{How::is, "emb", 3},
    Habit{How::is, "time_emb_proj", 26},
    Habit{How::is, "t_embedder", 4},
    Habit{How::begins, "time", 4},
    Habit{How::has, "modulation", 5},
    Habit{How::ends, "_mod", 5},
    Habit{How::is, "wte", 6},
    Habit{How::is, "wpe", 7},
    Habit{How::is, "caption_norm", 9},
    Habit{How::begins, "caption", 8},
    Habit{How::is, "txt_norm", 7},
    Habit{How::begins, "position", 7},
    Habit{How::is, "cap_embedder", 8},
    Habit{How::is, "context_embedder", 8},
    Habit{How::has, "embed", 6},
    Habit{How::ends, "_emb", 6},
    Habit{How::is, "noise_refiner", 7},
    Habit{How::is, "context_refiner", 9},
    Habit{How::is, "conv_in", 8},
    Habit{How::is, "post_quant_conv", 8},
    Habit{How::is, "proj_in", 25},
    // a U-Net's halves, lists of blocks, what follows them
    Habit{How::begins, "downsample", 60},
    Habit{How::begins, "upsample", 60},
    Habit{How::is, "down_proj", 70},
    Habit{How::is, "up_proj", 46},
    Habit{How::begins, "down", 50},
    Habit{How::begins, "mid", 52},
    Habit{How::begins, "up_", 54},
    Habit{How::is, "resnets", 50},
    Habit{How::is, "attentions", 50},
    Habit{How::is, "encoder", 50},
    Habit{How::is, "layers", 50},
    Habit{How::is, "blocks", 50},
    Habit{How::is, "block", 50},
    Habit{How::is, "h", 50},
    Habit{How::is, "transformer_blocks", 50},
    Habit{How::is, "single_transformer_blocks", 56},
    Habit{How::is, "quant_conv", 70},
    Habit{How::is, "decoder", 75},
    Habit{How::ends, "norm_out", kLastNorm},
    Habit{How::is, "final_layer_norm", kLastNorm},
    Habit{How::is, "post_layernorm", kLastNorm},
    Habit{How::is, "ln_f", kLastNorm},
    Habit{How::is, "conv_act", 81},
    Habit{How::is, "pooler", 85},
    Habit{How::is, "head", 85},
    Habit{How::has, "final_layer", 89},
    Habit{How::is, "to_add_out", 88},
    Habit{How::ends, "_out", 89},
    Habit{How::is, "out_proj", 89},
    Habit{How::is, "o_proj", 89},
    Habit{How::is, "o", 89},
    Habit{How::ends, "_projection", 90},
    Habit{How::is, "lm_head", 92},
    // an attention
    Habit{How::begins, "norm_added_", 26},
    Habit{How::is, "norm_q", 24},
    Habit{How::is, "norm_k", 24},
    Habit{How::begins, "rope_", 28},
    Habit{How::is, "relative_attention_bias", 32},
    Habit{How::begins, "add_", 22},
    Habit{How::has, "qkv", 20},
    Habit{How::is, "group_norm", kFirstNorm},
    // a block
    Habit{How::is, "attention_norm2", 32},
    Habit{How::is, "ffn_norm1", 50},
    Habit{How::is, "ffn_norm2", 62},
    Habit{How::begins, "pre_feedforward", 50},
    Habit{How::begins, "post_feedforward", 62},
    Habit{How::has, "post_attention", 40},
    Habit{How::is, "input_layernorm", 20},
    Habit{How::is, "layernorm_before", 20},
    Habit{How::is, "layernorm_after", 40},
    Habit{How::is, "layer_norm", 20},
    Habit{How::is, "norm1_context", 21},
    Habit{How::is, "norm2_context", 62},
    Habit{How::is, "ff_context", 64},
    Habit{How::ends, "norm1", 20},
    Habit{How::ends, "norm2", 40},
    Habit{How::ends, "norm3", 50},
    Habit{How::is, "ln_1", 20},
    Habit{How::is, "ln_2", 40},
    Habit{How::is, "conv1", 24},
    Habit{How::is, "conv2", 44},
    Habit{How::is, "nonlinearity", 22},
    Habit{How::has, "shortcut", 46},
    Habit{How::is, "proj_mlp", 22},
    Habit{How::is, "act_mlp", 24},
    Habit{How::is, "mlp_act_fn", 30},
    Habit{How::is, "ff", 60},
    Habit{How::has, "mlp", 60},
    Habit{How::has, "feed_forward", 60},
    Habit{How::is, "DenseReluDense", 60},
    Habit{How::has, "attn", 30},
    Habit{How::has, "ttention", 30},
    // a feed-forward, a modulated norm
    Habit{How::is, "linear_1", 40},
    Habit{How::is, "linear_in", 40},
    Habit{How::is, "gate_proj", 40},
    Habit{How::is, "fc1", 40},
    Habit{How::is, "c_fc", 40},
    Habit{How::is, "w1", 40},
    Habit{How::is, "w3", 41},
    Habit{How::is, "wi", 40},
    Habit{How::is, "wi_0", 40},
    Habit{How::is, "wi_1", 46},
    Habit{How::is, "dense", 40},
    Habit{How::is, "proj", 40},
    Habit{How::is, "silu", 42},
    Habit{How::begins, "act", 42},
    Habit{How::is, "linear", 44},
    Habit{How::is, "linear_2", 70},
    Habit{How::is, "fc2", 70},
    Habit{How::is, "c_proj", 70},
    Habit{How::is, "w2", 70},
    Habit{How::is, "wo", 70},
    Habit{How::ends, "_in", 8},
};

bool fits(const Habit& habit, std::string_view segment) {
  const auto& text = habit.text;
  switch (habit.how) {
    case How::is:
      return segment == text;
    case How::begins:
      return segment.starts_with(text);
    case How::ends:
      return segment.ends_with(text);
    case How::has:
      return segment.find(text) != std::string_view::npos;
  }
  return false;
}

/// Names whose place depends on what else is there.
std::optional<int> place_beside(
    std::string_view segment, int call, const std::set<std::string_view>& siblings) {
  const auto beside = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(
        names.begin(), names.end(), [&](auto name) { return siblings.count(name) > 0; });
  };
  if (segment == "norm" || segment == "layernorm") {
    return beside({"layers", "blocks", "block", "encoder", "silu", "linear"}) ? kLastNorm
                                                                              : kFirstNorm;
  }
  if (segment == "norm_final") {
    return beside({"linear"}) ? 43 : kLastNorm;
  }
  if (segment == "attn2") {
    return beside({"attn1"}) && beside({"norm3"}) ? 44 : 31;
  }
  if (segment == "nonlinearity" && beside({"norm_out"})) {
    return kLastNorm + 1;
  }
  if (segment == "nonlinearity" && call > 1 && beside({"conv2"})) {
    // before each convolution of a residual block, and between them for its time embedding
    return call == 2 && beside({"time_emb_proj"}) ? 25 : 41;
  }
  if (segment == "dropout") {
    constexpr int kAtTheEnd = 90;
    const bool is_again = call > 1;
    return beside({"conv2"})       ? 42
           : beside({"block"})     ? (is_again ? kAtTheEnd : 9)
           : beside({"attention"}) ? (is_again ? kAtTheEnd : 35)
           : beside({"wo"})        ? 66
                                   : kAtTheEnd;
  }
  return std::nullopt;
}

/// 1 of "to_q", "q_proj", "q" and "query", 2 of keys', 3 of values'; 0 of other names.
int projection_of(std::string_view segment) {
  constexpr std::array<std::string_view, 3> kWords{"query", "key", "value"};
  if (const auto word = std::find(kWords.begin(), kWords.end(), segment); word != kWords.end()) {
    return static_cast<int>(word - kWords.begin()) + 1;
  }
  for (size_t begin = 0; begin <= segment.size();) {
    const size_t end = std::min(segment.find('_', begin), segment.size());
    if (end == begin + 1) {
      if (const auto at = std::string_view("qkv").find(segment[begin]); at < 3) {
        return static_cast<int>(at) + 1;
      }
    }
    begin = end + 1;
  }
  return 0;
}

} // namespace

UsualPlace usual_place(
    std::string_view segment, int call, const std::set<std::string_view>& siblings) {
  UsualPlace place{.rank = kUnknown, .projection = projection_of(segment), .is_norm = false};
  if (const auto beside = place_beside(segment, call, siblings)) {
    place.rank = *beside;
    return place;
  }
  const auto habit = std::find_if(
      kHabits.begin(), kHabits.end(), [&](const Habit& one) { return fits(one, segment); });
  if (habit != kHabits.end()) {
    place.rank = habit->rank;
  } else if (place.projection > 0) {
    place.rank = 20;
    place.is_norm = segment.ends_with("norm");
  }
  return place;
}

bool takes_turns(std::string_view segment, const std::set<std::string_view>& siblings) {
  constexpr std::array<std::string_view, 2> kLists{"resnets", "attentions"};
  return std::find(kLists.begin(), kLists.end(), segment) != kLists.end() &&
         std::all_of(
             kLists.begin(), kLists.end(), [&](auto list) { return siblings.count(list) > 0; });
}

} // namespace mflux::parity
