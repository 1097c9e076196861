#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/attention/roles.h"
#include "mflux/parity/diagnose/attention/sdpa.h"

namespace mflux::parity {

/// Rotary tables dumped at the attention, around it or by a module that makes them, nearest first:
/// the reference's, for heads of that width, one row a token. Both pairings of each.
std::vector<std::shared_ptr<const Turn>> tables_for(
    const Case& at, const std::string& attention, int64_t width, int64_t tokens);

/// The rows of the rotary table that this checkpoint is, or is a part of, in their order: cosine
/// and sine, or one row; empty when it is none by its name.
std::vector<size_t> table_around(const Case& at);

/// Masks dumped at the attention, around it or fed to the run: the reference's, as what they add to
/// the scores. `text` tokens may have a mask of their own.
std::vector<std::shared_ptr<const Bias>> masks_for(
    const Case& at, const std::string& attention, const Heads& q, const Heads& k);

/// Whether it only hides: nothing but 0 and what hides is added.
bool only_hides(const Bias& bias);

/// A dumped mask: 0 hides and 1 shows where nothing else stands in it, else it is added.
std::optional<Bias> bias_of(const Field& mask, int64_t batch, int64_t queries, int64_t keys);

} // namespace mflux::parity
