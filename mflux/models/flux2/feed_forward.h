#pragma once

#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"

namespace mflux::flux2 {

/// SiLU(a) · b, where a and b are the halves of the last axis. Reference: diffusers Flux2SwiGLU.
struct SwiGLU : nn::Module {
  explicit SwiGLU(Scope here) : Module(std::move(here)) {}

  mx::array operator()(const mx::array& input) const;

  nn::SiLU gate_fn{at("gate_fn"), nn::Axes::as_is};
};

/// x [batch, tokens, dim] → the same shape. Reference: diffusers Flux2FeedForward.
struct FeedForward : nn::Module {
  FeedForward(Scope here, int width, int inner_width)
      : Module(std::move(here)), dim(width), inner(inner_width) {}

  mx::array operator()(const mx::array& input) const;

  int dim, inner;
  nn::Linear linear_in{at("linear_in"), dim, 2 * inner};
  SwiGLU act_fn{at("act_fn")};
  nn::Linear linear_out{at("linear_out"), inner, dim};
};

} // namespace mflux::flux2
