#include "mflux/tokenizers/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace mflux::tokenizers {
namespace {

using Texts = std::array<std::string_view, 2>;

constexpr Texts kBegins{"{%-iftools%}", "{%-formessageinmessages%}"};
constexpr Texts kTurns{
    R"({{-'<|im_start|>'+message.role+'\n'+message.content+'<|im_end|>)",
    R"({{-'<|im_start|>'+message.role+'\n'+content+'<|im_end|>)"};
constexpr Texts kTurnEnds{R"('+'\n'}})", R"(\n'}})"};
constexpr std::string_view kPlainContent = "{%-setcontent=message.content%}";
constexpr std::string_view kEnd =
    R"({%-ifadd_generation_prompt%}{{-'<|im_start|>assistant\n'}})"
    R"({%-ifenable_thinkingisdefinedandenable_thinkingisfalse%}{{-'<think>\n\n</think>\n\n'}})"
    R"({%-endif%}{%-endif%})";
constexpr std::string_view kSystem = R"('<|im_start|>system\n)";
constexpr Texts kSystemEnds{R"('}})", "'+messages[0].content+"};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The size of the tag at the start of `text`; 0 if there is no whole one.
size_t tag_size(std::string_view text) {
  const bool prints = text.starts_with("{{"), acts = text.starts_with("{%");
  if (!prints && !acts) {
    return 0;
  }
  const size_t end = text.find(prints ? "}}" : "%}", 2);
  return end == text.npos ? 0 : end + 2;
}

/// Appends a tag without the spaces outside its quotes and the dash that trims what follows.
void append_condensed(std::string& out, std::string_view tag) {
  char quote = 0;
  for (size_t i = 0; i < tag.size(); ++i) {
    const char c = tag[i];
    if (quote != 0) {
      out += c;
      quote = c == quote ? '\0' : quote;
      continue;
    }
    if (c == '\'' || c == '"') {
      quote = c;
    }
    if (!is_space(c) && (c != '-' || i + 3 != tag.size())) {
      out += c;
    }
  }
}

/// The template's tags one after the other, condensed; nothing where text stands between tags, or
/// white space that Jinja would print.
std::optional<std::string> condensed(std::string_view jinja) {
  std::string out;
  if (jinja.ends_with('\n')) {
    jinja.remove_suffix(1); // as Jinja does
  }
  bool has_space = false;
  while (!jinja.empty()) {
    if (is_space(jinja[0])) {
      has_space = true;
      jinja.remove_prefix(1);
      continue;
    }
    const size_t size = tag_size(jinja);
    if (size == 0 || (has_space && jinja[2] != '-')) {
      return std::nullopt;
    }
    append_condensed(out, jinja.substr(0, size));
    jinja.remove_prefix(size);
    has_space = false;
  }
  return has_space ? std::nullopt : std::optional(out);
}

bool starts_with_one_of(std::string_view text, const Texts& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view beginning) {
    return text.starts_with(beginning);
  });
}

/// A user's turn, printed with its own text and nothing else.
bool frames_turns(std::string_view text) {
  return std::any_of(kTurns.begin(), kTurns.end(), [&](std::string_view turn) {
    const size_t at = text.find(turn);
    return at != text.npos && starts_with_one_of(text.substr(at + turn.size()), kTurnEnds);
  });
}

/// Every system turn prints a message that is there, or belongs to tools.
bool adds_no_system_prompt(std::string_view text) {
  for (size_t at = text.find(kSystem); at != text.npos; at = text.find(kSystem, at + 1)) {
    if (!starts_with_one_of(text.substr(at + kSystem.size()), kSystemEnds)) {
      return false;
    }
  }
  return true;
}

} // namespace

std::string qwen3_prompt(std::string_view prompt, Thinking thinking) {
  return fmt::format(
      "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}",
      prompt,
      thinking == Thinking::off ? "<think>\n\n</think>\n\n" : "");
}

bool renders_as_qwen3(std::string_view jinja) {
  const auto text = condensed(jinja);
  if (!text || !starts_with_one_of(*text, kBegins) || !text->ends_with(kEnd)) {
    return false;
  }
  const bool renames = text->find("+content+") != text->npos;
  const bool keeps_content = !renames || text->find(kPlainContent) != text->npos;
  return keeps_content && frames_turns(*text) && adds_no_system_prompt(*text);
}

} // namespace mflux::tokenizers
