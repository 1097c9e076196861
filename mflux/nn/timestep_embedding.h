#pragma once

#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"

namespace mflux::nn {

/// [1, count] in float32, falling from 1 to nearly 1/10000.
mx::array timestep_frequencies(int count);

/// Numbers [batch] times each of the frequencies [1, count]: [cos, sin], [batch, 2 · count] in
/// float32.
mx::array sinusoid(const mx::array& numbers, const mx::array& frequencies);

/// Numbers [batch] → [cos, sin] of each times `channels` / 2 frequencies that fall from 1 to nearly
/// 1/10000: [batch, channels] in float32 (an odd channel is zero).
/// Reference: diffusers Timesteps, flip_sin_to_cos true, downscale_freq_shift 0.
struct Timesteps : Module {
  Timesteps(Scope here, int channel_count);

  mx::array operator()(const mx::array& numbers) const;

  int channels;
  mx::array frequencies; ///< [1, channels / 2], float32
};

/// linear_2(SiLU(linear_1(x))) for x [batch, in]. Reference: diffusers TimestepEmbedding without
/// biases.
struct TimestepEmbedding : Module {
  TimestepEmbedding(Scope here, int in_channels, int out_channels)
      : Module(std::move(here)), in(in_channels), out(out_channels) {}

  mx::array operator()(const mx::array& input) const;

  int in, out;
  Linear linear_1{at("linear_1"), in, out};
  SiLU act{at("act"), Axes::as_is};
  Linear linear_2{at("linear_2"), out, out};
};

} // namespace mflux::nn
