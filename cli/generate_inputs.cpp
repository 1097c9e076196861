#include "cli/generate_inputs.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/split_name.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/utf8.h"
#include "mflux/capture/inputs.h"
#include "mflux/image/read_image.h"
#include "mflux/weights/weights.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestPrompt = size_t{16} << 20; // bytes

std::string read_standard_input() {
  std::string text;
  char part[1 << 16];
  while (const size_t size = std::fread(part, 1, sizeof part, stdin)) {
    text.append(part, size);
    if (text.size() > kLongestPrompt) {
      throw Error(fmt::format("standard input is longer than {} bytes", kLongestPrompt));
    }
  }
  if (std::ferror(stdin)) {
    throw Error("cannot read the prompt from standard input");
  }
  return text;
}

/// A file's last line break is no part of the prompt.
std::string without_line_end(std::string text) {
  for (const char end : {'\n', '\r'}) {
    if (!text.empty() && text.back() == end) {
      text.pop_back();
    }
  }
  return text;
}

std::string read_prompt(const GenerateFlags& flags) {
  if (flags.prompt) {
    return *flags.prompt;
  }
  return without_line_end(
      flags.prompt_file == "-" ? read_standard_input()
                               : read_file(flags.prompt_file, kLongestPrompt));
}

void check_utf8(const char* what, std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = utf8_character(text.substr(at));
    if (size == 0) {
      throw Error(fmt::format("the {} is not UTF-8: byte {} begins no character", what, at));
    }
    at += size;
  }
}

mx::array read_latents(const std::string& text) {
  const auto [file, name] = split_name(text);
  const capture::Inputs inputs(file);
  const std::vector<std::string> names =
      name ? std::vector{*name} : std::vector<std::string>{"latents_initial", "latents"};
  const auto found = inputs.find(names);
  return with_context(fmt::format("{}: {}", found.file.string(), found.name), [&] {
    auto latents = to_array(inputs.require(names));
    if (mx::issubdtype(latents.dtype(), mx::floating) &&
        !mx::all(mx::isfinite(latents)).item<bool>()) {
      throw Error("holds NaN or infinity");
    }
    return latents;
  });
}

} // namespace

std::pair<fs::path, std::optional<double>> split_strength(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || fs::exists(text)) {
    return {text, std::nullopt};
  }
  const std::string number = text.substr(colon + 1);
  char* end = nullptr;
  const double strength = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0' || !(strength >= 0 && strength <= 1)) {
    throw Error(fmt::format(
        "--image {}: the strength is \"{}\", expected a number from 0 to 1", text, number));
  }
  return {text.substr(0, colon), strength};
}

pipelines::Request read_request(const GenerateFlags& flags) {
  pipelines::Request request{
      .prompt = read_prompt(flags),
      .negative_prompt = flags.negative_prompt,
      .width = flags.width,
      .height = flags.height,
      .steps = flags.steps,
      .guidance = flags.guidance,
      .max_sequence_length = flags.max_sequence_length,
      .sigmas = flags.sigmas,
      .frees_text_encoder = flags.frees_text_encoder};
  check_utf8("prompt", request.prompt);
  check_utf8("negative prompt", request.negative_prompt.value_or(""));
  if (!flags.image.empty()) {
    const auto [path, strength] = split_strength(flags.image);
    request.start = {.image = read_image(path)};
    request.start->strength = strength.value_or(request.start->strength);
  }
  for (const auto& path : flags.references) {
    request.references.push_back(read_image(path));
  }
  if (!flags.latents.empty()) {
    request.latents = read_latents(flags.latents);
  }
  return request;
}

} // namespace mflux::cli
