#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mflux::tokenizers {

/// A string that is one token wherever it stands in a text, even inside a word.
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool is_special = false; ///< control token rather than text, for display only

  bool operator==(const AddedToken&) const = default;
};

/// Finds added tokens, the leftmost first and of those the longest.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// Where the next one begins at or after `from`, and which; position npos and null if there is
  /// none.
  struct Found {
    size_t position = std::string_view::npos;
    const AddedToken* token = nullptr;
  };
  Found next(std::string_view text, size_t from) const;

  const std::vector<AddedToken>& tokens() const {
    return tokens_;
  }

 private:
  std::vector<AddedToken> tokens_; ///< longest first
  std::array<std::vector<size_t>, 256> by_first_byte_;
};

} // namespace mflux::tokenizers
