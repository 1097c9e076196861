#pragma once

#include <vector>

#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"

namespace mflux::flux2 {

/// (1 + scale) · x + shift for x [batch, tokens, dim], the others [batch, 1, dim]; rounded once.
mx::array modulate(const mx::array& x, const mx::array& scale, const mx::array& shift);

/// What a time step does to a normalised stream and to what comes back into it: each
/// [batch, 1, dim].
struct Shift {
  mx::array shift, scale, gate;

  mx::array modulate(const mx::array& x) const {
    return flux2::modulate(x, scale, shift);
  }
  /// x + gate · y; rounded once.
  mx::array add_gated(const mx::array& x, const mx::array& y) const;
};

/// temb [batch, dim] → [batch, 3 · sets · dim]; shared by all blocks of a kind.
/// Reference: diffusers Flux2Modulation.
struct Modulation : nn::Module {
  Modulation(Scope here, int width, int set_count)
      : Module(std::move(here)), dim(width), sets(set_count) {}

  mx::array operator()(const mx::array& temb) const;

  /// The sets of such an output.
  static std::vector<Shift> split(const mx::array& modulation, int sets);

  int dim, sets;
  nn::SiLU act_fn{at("act_fn"), nn::Axes::as_is};
  nn::Linear linear{at("linear"), dim, 3 * sets* dim};
};

} // namespace mflux::flux2
