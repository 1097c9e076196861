#include "mflux/parity/dumps/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "mflux/artifacts/picture.h"

namespace mflux::parity {
namespace {

constexpr std::string_view kWeights = "weights/";
constexpr std::string_view kStep = "@step=";
constexpr int kMaxDigits = 9;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= kMaxDigits &&
         std::all_of(text.begin(), text.end(), is_digit);
}

int to_number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    value = value * 10 + (c - '0');
  }
  return value;
}

bool is_component(std::string_view segment) {
  constexpr std::array<std::string_view, 9> known = {
      "transformer",
      "text_encoder",
      "vae",
      "scheduler",
      "unet",
      "image_encoder",
      "controlnet",
      "tokenizer",
      "vision_encoder"};
  if (const auto end = segment.rfind('_');
      end != std::string_view::npos && is_number(segment.substr(end + 1))) {
    segment = segment.substr(0, end); // text_encoder_2
  }
  return std::find(known.begin(), known.end(), segment) != known.end();
}

/// What people call a whole pipeline: "pipe.vae.decoder" is "vae.decoder".
bool holds_components(std::string_view segment) {
  return segment == "model" || segment == "pipe" || segment == "pipeline";
}

/// Takes "@step=K" out of `text`, wherever it stands.
std::optional<int> take_step(std::string& text) {
  const size_t begin = text.rfind(kStep);
  if (begin == std::string::npos) {
    return std::nullopt;
  }
  size_t end = begin + kStep.size();
  while (end < text.size() && is_digit(text[end])) {
    ++end;
  }
  const std::string digits = text.substr(begin + kStep.size(), end - begin - kStep.size());
  if (!is_number(digits) || (end < text.size() && text[end] != '.')) {
    return std::nullopt;
  }
  text.erase(begin, end - begin);
  return to_number(digits);
}

/// Takes a last ".callN" off the segments.
int take_call(std::vector<std::string>& segments) {
  if (segments.size() < 2 || segments.back().rfind("call", 0) != 0) {
    return 1;
  }
  const std::string digits = segments.back().substr(4);
  if (!is_number(digits) || to_number(digits) < 1) {
    return 1;
  }
  segments.pop_back();
  return to_number(digits);
}

std::string tail(std::vector<std::string>& segments, size_t keep) {
  const std::string rest = join({segments.begin() + keep + 1, segments.end()}, '.');
  segments.resize(keep);
  return rest;
}

/// Where a trailing run of ".out.N[.N]" begins, or 0.
size_t output_at(const std::vector<std::string>& segments) {
  size_t at = segments.size();
  while (at > 0 && is_number(segments[at - 1])) {
    --at;
  }
  return at < segments.size() && at > 1 && segments[at - 1] == "out" ? at - 1 : 0;
}

/// Drops every last ".out.0" and ".call1", which say nothing.
void drop_defaults(std::vector<std::string>& segments) {
  for (size_t before = 0; before != segments.size();) {
    before = segments.size();
    const size_t output = output_at(segments);
    if (output != 0 && output + 2 == before && to_number(segments.back()) == 0) {
      segments.resize(output);
    } else if (auto rest = segments; take_call(rest) == 1) {
      segments = std::move(rest);
    }
  }
}

bool is_boundary(char c) {
  return c == '.' || c == '_' || c == '/' || c == '@' || c == '-';
}

bool is_step_at(std::string_view text, size_t at) {
  constexpr std::string_view word = "step";
  if (at + word.size() > text.size() || (at > 0 && !is_boundary(text[at - 1]))) {
    return false;
  }
  return std::equal(word.begin(), word.end(), text.begin() + at, [](char a, char b) {
    return a == std::tolower(static_cast<unsigned char>(b));
  });
}

/// Takes any spelling of a step out of `text`: "_step_04", "@step=4", ".step4", "step4.".
std::optional<int> take_any_step(std::string& text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (!is_step_at(text, at)) {
      continue;
    }
    size_t digits = at + 4;
    if (digits < text.size() &&
        (text[digits] == '=' || text[digits] == '_' || text[digits] == '-')) {
      ++digits;
    }
    size_t end = digits;
    while (end < text.size() && is_digit(text[end])) {
      ++end;
    }
    const std::string number = text.substr(digits, end - digits);
    if (!is_number(number) || (end < text.size() && !is_boundary(text[end]))) {
      continue;
    }
    const size_t begin = at > 0 ? at - 1 : at;
    const size_t stop = at == 0 && end < text.size() ? end + 1 : end;
    text.erase(begin, stop - begin);
    return to_number(number);
  }
  return std::nullopt;
}

} // namespace

std::string_view name_of(Role role) {
  return role == Role::out ? "out" : role == Role::in ? "in" : "weight";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string_view::npos; begin = end + 1) {
    parts.emplace_back(text.substr(begin, end - begin));
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

std::string join(const std::vector<std::string>& parts, char separator) {
  return fmt::format("{}", fmt::join(parts, std::string(1, separator)));
}

Name parse_name(std::string_view text) {
  Name name;
  if (text.substr(0, kWeights.size()) == kWeights) {
    name.path = text.substr(kWeights.size());
    name.role = Role::weight;
    return name;
  }
  std::string rest(text);
  name.step = take_step(rest);
  auto segments = split(rest, '.');
  const auto input = std::find(segments.rbegin(), segments.rend(), "in");
  if (const auto at = static_cast<size_t>(segments.rend() - input);
      input != segments.rend() && at > 1) {
    name.role = Role::in;
    name.argument = tail(segments, at - 1);
  } else {
    drop_defaults(segments);
    if (const size_t output = output_at(segments)) {
      name.output = tail(segments, output);
    }
  }
  name.call = take_call(segments);
  name.path = join(segments, '.');
  return name;
}

std::string without_step(const Name& name) {
  if (name.role == Role::weight) {
    return std::string(kWeights) + name.path;
  }
  std::string text = name.path;
  if (name.call != 1) {
    text += fmt::format(".call{}", name.call);
  }
  if (name.role == Role::in) {
    text += name.argument.empty() ? ".in" : ".in." + name.argument;
  } else if (!name.output.empty()) {
    text += ".out." + name.output;
  }
  return text;
}

std::string canonical(const Name& name) {
  const std::string text = without_step(name);
  return name.step ? fmt::format("{}{}{}", text, kStep, *name.step) : text;
}

std::vector<std::string> modules_of(const Name& name) {
  if (artifacts::has_picture_name(name.path)) {
    return {name.path};
  }
  auto segments = split(name.path, '.');
  if (segments.size() > 1 && holds_components(segments[0]) && is_component(segments[1])) {
    segments.erase(segments.begin());
  }
  if (segments.size() < 2 || segments[0] != "vae") {
    return segments;
  }
  const std::string& second = segments[1];
  const bool decodes = second == "decode" || second == "decoder" || second == "post_quant_conv";
  const bool encodes = second == "encode" || second == "encoder" || second == "quant_conv";
  if (second == "decode" || second == "encode") {
    segments.erase(segments.begin());
    segments[0] = "vae." + segments[0];
  } else if (decodes || encodes) {
    segments[0] = decodes ? "vae.decode" : "vae.encode";
  }
  return segments;
}

std::string component_of(const Name& name) {
  const auto modules = modules_of(name);
  const std::string_view first = modules.front();
  return first == "vae.decode" || first == "vae.encode" || is_component(first) ? std::string(first)
                                                                               : "pipeline";
}

Name parse_file_name(std::string_view text) {
  std::string rest(text);
  const bool is_weight = text.substr(0, kWeights.size()) == kWeights;
  const auto step = is_weight ? std::nullopt : take_any_step(rest);
  if (!step || rest.empty()) {
    return parse_name(text);
  }
  Name name = parse_name(rest);
  name.step = step;
  return name;
}

std::string normalised(std::string_view text) {
  if (text.substr(0, kWeights.size()) == kWeights) {
    return std::string(text);
  }
  std::string rest(text);
  std::replace(rest.begin(), rest.end(), '/', '.');
  const auto step = take_any_step(rest);
  std::vector<std::string> kept;
  for (auto& segment : split(rest, '.')) {
    const bool wrapper = segment == "model" || segment == "module" || segment == "base_model";
    const bool in_front = kept.empty() || (kept.size() == 1 && is_component(kept[0]));
    if (segment != "default" && segment != "_orig_mod" && !(wrapper && in_front)) {
      kept.push_back(std::move(segment));
    }
  }
  if (kept.empty()) {
    return std::string(text);
  }
  Name name = parse_name(join(kept, '.'));
  name.step = step ? step : name.step;
  return canonical(name);
}

bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto digits = [](std::string_view text, size_t& at) {
        while (at + 1 < text.size() && text[at] == '0' && is_digit(text[at + 1])) {
          ++at;
        }
        const size_t begin = at;
        while (at < text.size() && is_digit(text[at])) {
          ++at;
        }
        return text.substr(begin, at - begin);
      };
      const auto left = digits(a, i), right = digits(b, j);
      if (left != right) {
        return left.size() != right.size() ? left.size() < right.size() : left < right;
      }
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return i == a.size() && j < b.size();
}

} // namespace mflux::parity
