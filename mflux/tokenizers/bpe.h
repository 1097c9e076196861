#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mflux::tokenizers {

/// Two tokens that become one, as a vocabulary's files write them.
using Merge = std::pair<std::string, std::string>;

/// Byte-pair encoding over bytes: the pair of neighbours that stands earliest in the list of merges
/// is joined first, the leftmost of equals. Mirrors tokenizers.models.BPE without dropout, unknown
/// token and affixes.
class Bpe {
 public:
  /// `tokens`: (token in byte-level spelling, id) of ids 0…n-1 in any order. Throws Error where ids
  /// have holes or repeat, a byte has no token, or a merge names what is no token.
  Bpe(const std::vector<std::pair<std::string, int32_t>>& tokens, const std::vector<Merge>& merges);

  /// Appends the ids of one word. Takes O(n log n).
  void encode(std::string_view word, std::vector<int32_t>& ids) const;

  /// The tokens' bytes, by id.
  const std::vector<std::string>& tokens() const {
    return tokens_;
  }

 private:
  struct Joined {
    int32_t rank, id;
  };
  const Joined* find(int32_t left, int32_t right) const;
  void add_merges(
      const std::unordered_map<std::string, int32_t>& ids, const std::vector<Merge>& merges);

  std::vector<std::string> tokens_;
  std::array<int32_t, 256> of_byte_;
  std::unordered_map<uint64_t, Joined> merges_;

  friend class Word;
};

} // namespace mflux::tokenizers
