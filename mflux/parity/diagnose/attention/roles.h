#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// Rows of an attention's queries, keys and values: the last dumped before the scores (rotated, or
/// normed, or projected), or one projection for several.
struct StreamRoles {
  std::optional<size_t> q, k, v;
  std::optional<size_t> fused;    ///< q, k and v side by side
  int q_stage = -1, k_stage = -1; ///< 0 projected, 1 normed, 2 rotated

  bool is_whole() const {
    return (q && k && v) || fused;
  }
};

/// An attention around a checkpoint, by the names of what was dumped there.
struct AttentionRoles {
  std::string path; ///< of the module whose children they are
  StreamRoles main, added;
};

/// The words of a name, lower case: "attn.to_out.0" is attn, to, out, 0.
std::vector<std::string> words_of(const std::string& name);
bool has_word(const std::vector<std::string>& words, std::initializer_list<const char*> any);

/// The nearest module around the checkpoint below which queries, keys and values were dumped, none
/// at a later stage than `latest`.
std::optional<AttentionRoles> roles_around(const Case& at, int latest = 2);

} // namespace mflux::parity
