#include "mflux/tokenizers/bpe.h"

#include <fmt/format.h>

#include <optional>
#include <queue>

#include "mflux/base/error.h"
#include "mflux/tokenizers/byte_level.h"

namespace mflux::tokenizers {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

std::string bytes_of(const std::string& token) {
  auto bytes = bytes_of_token(token);
  if (!bytes || bytes->empty()) {
    throw Error(fmt::format(
        "the token \"{}\" is no byte-level token; expected each byte as one of GPT-2's 256 "
        "characters",
        token));
  }
  return std::move(*bytes);
}

} // namespace

/// A word while neighbours are being joined: a linked list of tokens, and a queue of the pairs that
/// may be joined.
class Word {
 public:
  Word(const Bpe& bpe, std::string_view bytes) : bpe_(bpe) {
    const auto count = static_cast<int32_t>(bytes.size());
    symbols_.reserve(bytes.size());
    for (int32_t i = 0; i < count; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[static_cast<size_t>(i)]);
      symbols_.push_back({bpe.of_byte_[byte], i - 1, i + 1 < count ? i + 1 : kNone});
    }
    std::vector<Step> steps;
    for (int32_t i = 0; i + 1 < count; ++i) {
      if (const auto step = step_at(i)) {
        steps.push_back(*step);
      }
    }
    queue_ = Queue({}, std::move(steps));
  }

  void join() {
    while (!queue_.empty()) {
      const Step step = queue_.top();
      queue_.pop();
      join(step);
    }
  }

  void append_to(std::vector<int32_t>& ids) const {
    for (int32_t i = symbols_.empty() ? kNone : 0; i != kNone; i = at(i).next) {
      ids.push_back(at(i).id);
    }
  }

 private:
  static constexpr int32_t kNone = -1;

  struct Symbol {
    int32_t id; ///< kNone once it has become part of the one before
    int32_t previous, next;
  };

  struct Step {
    int32_t rank, position, id;

    /// The queue's top is the largest.
    bool operator<(const Step& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  using Queue = std::priority_queue<Step>;

  Symbol& at(int32_t position) {
    return symbols_[static_cast<size_t>(position)];
  }
  const Symbol& at(int32_t position) const {
    return symbols_[static_cast<size_t>(position)];
  }

  std::optional<Step> step_at(int32_t position) const {
    const auto* joined = bpe_.find(at(position).id, at(at(position).next).id);
    return joined ? std::optional<Step>({joined->rank, position, joined->id}) : std::nullopt;
  }

  void push(int32_t position) {
    if (const auto step = step_at(position)) {
      queue_.push(*step);
    }
  }

  void join(const Step& step) {
    Symbol& left = at(step.position);
    if (left.id == kNone || left.next == kNone) {
      return;
    }
    const auto now = step_at(step.position);
    if (!now || now->id != step.id) {
      return; // a neighbour has changed since
    }
    Symbol& right = at(left.next);
    left.id = step.id;
    left.next = right.next;
    right.id = kNone;
    if (left.next != kNone) {
      at(left.next).previous = step.position;
      push(step.position);
    }
    if (left.previous != kNone) {
      push(left.previous);
    }
  }

  const Bpe& bpe_;
  std::vector<Symbol> symbols_;
  Queue queue_;
};

Bpe::Bpe(
    const std::vector<std::pair<std::string, int32_t>>& tokens, const std::vector<Merge>& merges)
    : tokens_(tokens.size()) {
  std::unordered_map<std::string, int32_t> ids;
  ids.reserve(tokens.size());
  of_byte_.fill(-1);
  for (const auto& [token, id] : tokens) {
    if (id < 0 || static_cast<size_t>(id) >= tokens.size()) {
      throw Error(fmt::format(
          "the token \"{}\" has id {}; expected ids 0 to {} without holes, one for each of the {} "
          "tokens",
          token,
          id,
          tokens.size() - 1,
          tokens.size()));
    }
    auto& bytes = tokens_[static_cast<size_t>(id)];
    if (!bytes.empty()) {
      throw Error(fmt::format("two tokens have id {}, one of them is \"{}\"", id, token));
    }
    bytes = bytes_of(token);
    ids.emplace(token, id);
    if (bytes.size() == 1) {
      of_byte_[static_cast<unsigned char>(bytes[0])] = id;
    }
  }
  for (size_t byte = 0; byte < of_byte_.size(); ++byte) {
    if (of_byte_[byte] < 0) {
      throw Error(fmt::format("the vocabulary has no token for the byte {:#04x}", byte));
    }
  }
  add_merges(ids, merges);
}

void Bpe::add_merges(
    const std::unordered_map<std::string, int32_t>& ids, const std::vector<Merge>& merges) {
  const auto id_of = [&](const std::string& token, const Merge& merge) {
    const auto found = ids.find(token);
    if (found == ids.end()) {
      throw Error(fmt::format(
          "the merge \"{} {}\" needs the token \"{}\", which the vocabulary lacks",
          merge.first,
          merge.second,
          token));
    }
    return found->second;
  };
  merges_.reserve(merges.size());
  int32_t rank = 0;
  for (const auto& merge : merges) {
    const auto key = pair_key(id_of(merge.first, merge), id_of(merge.second, merge));
    const auto id = id_of(merge.first + merge.second, merge);
    if (!merges_.emplace(key, Joined{rank++, id}).second) {
      throw Error(fmt::format("the merge \"{} {}\" stands twice", merge.first, merge.second));
    }
  }
}

const Bpe::Joined* Bpe::find(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& ids) const {
  Word symbols(*this, word);
  symbols.join();
  symbols.append_to(ids);
}

} // namespace mflux::tokenizers
