#pragma once

#include <string>
#include <vector>

namespace mflux {

/// The candidate nearest to `word` by edit distance, or nothing when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

} // namespace mflux
