#pragma once

#include "mflux/encoders/qwen3/config.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"

namespace mflux::qwen3 {

/// down(silu(gate(x)) · up(x)). Reference: transformers Qwen3MLP.
struct MLP : nn::Module {
  MLP(Scope here, const Qwen3Config& c)
      : Module(std::move(here)), hidden(c.hidden_size), intermediate(c.intermediate_size) {}

  /// [batch, tokens, hidden] → the same shape.
  mx::array operator()(const mx::array& input) const;

  /// Makes one product of gate and up.
  void join() {
    gate_up = nn::join_weights({&gate_proj, &up_proj});
  }

  int hidden, intermediate;

  nn::Linear gate_proj{at("gate_proj"), hidden, intermediate};
  nn::Linear up_proj{at("up_proj"), hidden, intermediate};
  nn::Linear down_proj{at("down_proj"), intermediate, hidden};
  nn::SiLU act_fn{at("act_fn"), nn::Axes::as_is};
  std::optional<mx::array> gate_up; ///< their weights once joined
};

} // namespace mflux::qwen3
