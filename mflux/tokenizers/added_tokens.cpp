#include "mflux/tokenizers/added_tokens.h"

#include <algorithm>
#include <utility>

namespace mflux::tokenizers {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (size_t i = 0; i < tokens_.size(); ++i) {
    by_first_byte_[static_cast<unsigned char>(tokens_[i].content[0])].push_back(i);
  }
}

AddedTokens::Found AddedTokens::next(std::string_view text, size_t from) const {
  for (size_t at = from; at < text.size(); ++at) {
    for (const size_t i : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      if (text.substr(at).starts_with(tokens_[i].content)) {
        return {at, &tokens_[i]};
      }
    }
  }
  return {};
}

} // namespace mflux::tokenizers
