#include "mflux/tokenizers/chat_template.h"

#include <fmt/format.h>

#include <optional>

namespace mflux::tokenizers {
namespace {

constexpr std::string_view kLoop = "{%-formessageinmessages%}";
constexpr std::string_view kAnswer =
    R"({%-endfor%}{%-ifadd_generation_prompt%}{{-'<|im_start|>assistant\n'}})"
    R"({%-ifenable_thinkingisdefinedandenable_thinkingisfalse%}{{-'<think>\n\n</think>\n\n'}})"
    R"({%-endif%}{%-endif%})";

// A template of nothing but turns.
constexpr std::string_view kTurn =
    R"({{-'<|im_start|>'+message.role+'\n'+message.content+'<|im_end|>\n'}})";

// Qwen3's own.
constexpr std::string_view kTools = "{%-iftools%}";
constexpr std::string_view kNoTools =
    R"({%-else%}{%-ifmessages[0].role=='system'%}{{-'<|im_start|>system\n'+messages[0].content+'<|im_end|>\n'}})"
    "{%-endif%}{%-endif%}";
constexpr std::string_view kPlainContent =
    "{%-ifmessage.contentisstring%}{%-setcontent=message.content%}{%-else%}{%-setcontent=''%}{%-"
    "endif%}";
constexpr std::string_view kUser =
    R"({%-if(message.role=="user")or(message.role=="system"andnotloop.first)%})";
constexpr std::string_view kUserTurn =
    R"({{-'<|im_start|>'+message.role+'\n'+message.content+'<|im_end|>'+'\n'}}{%-elif)";
constexpr std::string_view kUserTurnOfContent =
    R"({{-'<|im_start|>'+message.role+'\n'+content+'<|im_end|>'+'\n'}}{%-elif)";

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

/// Takes `expected` off the start of `text`.
bool take(std::string_view& text, std::string_view expected) {
  const bool starts = text.starts_with(expected);
  text.remove_prefix(starts ? expected.size() : 0);
  return starts;
}

/// Takes everything up to and with `expected`; false where it is missing.
bool skip_past(std::string_view& text, std::string_view expected) {
  const size_t at = text.find(expected);
  text.remove_prefix(at == text.npos ? 0 : at + expected.size());
  return at != text.npos;
}

/// The same, and nothing before it prints.
bool skip_silently_past(std::string_view& text, std::string_view expected) {
  return text.substr(0, text.find(expected)).find("{{") == text.npos && skip_past(text, expected);
}

bool is_qwen3s_own(std::string_view text) {
  if (!take(text, kTools) || !skip_past(text, kNoTools) || !skip_silently_past(text, kLoop)) {
    return false;
  }
  const bool uses_content = take(text, kPlainContent);
  return take(text, kUser) && take(text, uses_content ? kUserTurnOfContent : kUserTurn) &&
         text.ends_with(fmt::format("{}{}", "{%-endif%}", kAnswer));
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
  return text && (*text == fmt::format("{}{}{}", kLoop, kTurn, kAnswer) || is_qwen3s_own(*text));
}

} // namespace mflux::tokenizers
