#include "mflux/tokenizers/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/utf8.h"
#include "mflux/tokenizers/added_tokens.h"
#include "mflux/tokenizers/bpe.h"
#include "mflux/tokenizers/files.h"
#include "mflux/tokenizers/nfc.h"
#include "mflux/tokenizers/words.h"

namespace mflux::tokenizers {

struct Tokenizer::State {
  Bpe bpe;
  AddedTokens added;
  std::vector<const AddedToken*> added_by_id; ///< null for tokens of the vocabulary alone
  std::vector<std::string> texts;             ///< by id, as bytes
  int32_t padding_id = 0;
  std::optional<std::string> chat_template;
};

namespace {

/// Texts of all ids: the vocabulary, then added tokens, which continue its numbers or repeat it.
std::vector<std::string> texts_of(const Bpe& bpe, std::vector<AddedToken> added) {
  std::vector<std::string> texts = bpe.tokens();
  const size_t words = texts.size();
  std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.id < b.id;
  });
  for (const auto& token : added) {
    const auto id = static_cast<size_t>(token.id);
    if (id < words) {
      if (texts[id] != token.content) {
        throw Error(fmt::format(
            "the added token \"{}\" has id {}, which the vocabulary gives to \"{}\"",
            token.content,
            id,
            texts[id]));
      }
      continue;
    }
    if (id != texts.size()) {
      throw Error(fmt::format(
          "the added token \"{}\" has id {}, expected {}: ids go on without holes",
          token.content,
          id,
          texts.size()));
    }
    texts.push_back(token.content);
  }
  return texts;
}

void check_no_text_twice(const std::vector<AddedToken>& added, const Bpe& bpe) {
  std::vector<std::string> contents;
  for (const auto& token : added) {
    contents.push_back(token.content);
  }
  std::sort(contents.begin(), contents.end());
  const auto twice = std::adjacent_find(contents.begin(), contents.end());
  if (twice != contents.end()) {
    throw Error(fmt::format("the added token \"{}\" stands twice", *twice));
  }
  const auto& words = bpe.tokens();
  for (size_t id = 0; id < words.size(); ++id) {
    if (!std::binary_search(contents.begin(), contents.end(), words[id])) {
      continue;
    }
    const bool is_same = std::any_of(added.begin(), added.end(), [&](const AddedToken& token) {
      return token.content == words[id] && static_cast<size_t>(token.id) == id;
    });
    if (!is_same) {
      throw Error(
          fmt::format("the added token \"{}\" is also the vocabulary's token {}", words[id], id));
    }
  }
}

void check_utf8(std::string_view text) {
  if (const size_t good = utf8_prefix(text); good != text.size()) {
    throw Error(fmt::format(
        "the text is not UTF-8: byte {} (counted from 0) is {:#04x}",
        good,
        static_cast<unsigned char>(text[good])));
  }
}

} // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  auto files = read_tokenizer_files(folder);
  return with_context(folder.string(), [&] {
    Bpe bpe(files.vocabulary, files.merges);
    check_no_text_twice(files.added, bpe);
    auto texts = texts_of(bpe, files.added);
    auto state = std::make_unique<State>(
        State{std::move(bpe), AddedTokens(std::move(files.added)), {}, std::move(texts), 0, {}});
    state->added_by_id.resize(state->texts.size());
    for (const auto& token : state->added.tokens()) {
      state->added_by_id[static_cast<size_t>(token.id)] = &token;
      if (token.content == files.pad_token) {
        state->padding_id = token.id;
      }
    }
    state->chat_template = std::move(files.chat_template);
    return Tokenizer(std::move(state));
  });
}

Tokenizer::Tokenizer(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  check_utf8(text);
  std::vector<int32_t> ids;
  for (size_t at = 0; at < text.size();) {
    const auto found = state_->added.next(text, at);
    const std::string piece = to_nfc(text.substr(at, found.position - at));
    for (std::string_view rest = piece; !rest.empty();) {
      const size_t size = first_word(rest);
      state_->bpe.encode(rest.substr(0, size), ids);
      rest.remove_prefix(size);
    }
    if (!found.token) {
      break;
    }
    ids.push_back(found.token->id);
    at = found.position + found.token->content.size();
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string bytes;
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<size_t>(id) >= size()) {
      throw Error(fmt::format("no token has the id {}; the last one is {}", id, size() - 1));
    }
    bytes += state_->texts[static_cast<size_t>(id)];
  }
  return bytes;
}

std::string Tokenizer::chat_prompt(std::string_view prompt, Thinking thinking) const {
  if (!state_->chat_template) {
    throw Error(
        "this tokenizer has no chat template; expected chat_template.jinja or the entry "
        "\"chat_template\" of tokenizer_config.json");
  }
  if (!renders_as_qwen3(*state_->chat_template)) {
    throw Error(
        "this tokenizer's chat template is not Qwen3's (a user turn between <|im_start|> and "
        "<|im_end|>, at the end an empty <think> block when enable_thinking is false); no other is "
        "supported");
  }
  check_utf8(prompt);
  return qwen3_prompt(prompt, thinking);
}

Padded Tokenizer::pad(std::span<const int32_t> ids, int max_length) const {
  if (max_length < 1) {
    throw Error(fmt::format("a prompt's length is {}, expected at least 1", max_length));
  }
  const auto whole = static_cast<size_t>(max_length);
  Padded padded;
  padded.length = std::min(ids.size(), whole);
  padded.dropped = ids.size() - padded.length;
  padded.ids.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(padded.length));
  padded.ids.resize(whole, state_->padding_id);
  padded.mask.assign(padded.length, 1);
  padded.mask.resize(whole, 0);
  return padded;
}

size_t Tokenizer::size() const {
  return state_->texts.size();
}

int32_t Tokenizer::padding_id() const {
  return state_->padding_id;
}

bool Tokenizer::is_added(int32_t id) const {
  return id >= 0 && static_cast<size_t>(id) < size() &&
         state_->added_by_id[static_cast<size_t>(id)] != nullptr;
}

bool Tokenizer::is_special(int32_t id) const {
  return is_added(id) && state_->added_by_id[static_cast<size_t>(id)]->is_special;
}

} // namespace mflux::tokenizers
