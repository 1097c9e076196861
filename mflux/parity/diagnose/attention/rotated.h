#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// At rotated queries or keys (NAME.rope_q): turned again from what they were before.
void propose_rotated(const Case& at, Proposals& proposals);

/// At rotated queries or keys of which nothing else was dumped: by the angle between both sides,
/// which is a line over the tokens.
void propose_relative(const Case& at, Proposals& proposals);

/// At queries and keys, turned or not: elements of each head laid out for the other pairing.
void propose_head_order(const Case& at, Proposals& proposals);

/// At a rotary table (cosine, sine, complex numbers, angles, frequencies) or position ids.
void propose_table(const Case& at, Proposals& proposals);
void propose_positions(const Case& at, Proposals& proposals);

} // namespace mflux::parity
