#include "cli/generate_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <random>

#include "mflux/base/error.h"

namespace mflux::cli {
namespace {

constexpr const char* kScheduler = "flow-match-euler";
constexpr int kMostSeeds = 10'000;

void add_what_to_draw(CLI::App& command, GenerateFlags& flags, Session& session) {
  command
      .add_option("--model", flags.model, "Folder in diffusers' layout, or a bundled model's name")
      ->capture_default_str();
  auto* prompt = command.add_option("--prompt", flags.prompt, "What to draw");
  auto* file = command.add_option(
      "--prompt-file", flags.prompt_file, "A text file with the prompt; - is standard input");
  prompt->excludes(file);
  auto* negative = command.add_option(
      "--negative-prompt", flags.negative_prompt, "What not to draw (base models with guidance)");
  session.may_be_empty = {prompt, negative};
  command.add_option("--width", flags.width, "Pixels, rounded down to what the model can draw");
  command.add_option("--height", flags.height, "Pixels, rounded down to what the model can draw");
}

void add_inputs(CLI::App& command, GenerateFlags& flags) {
  command.add_option(
      "--image",
      flags.image,
      "PATH[:STRENGTH]: a picture to start from, PNG or JPEG. Strength as in diffusers: 1 ignores "
      "the picture, 0.6 is the default (mflux's image strength is 1 - this)");
  command
      .add_option("--reference", flags.references, "A picture to edit or to draw from (repeatable)")
      ->allow_extra_args(false);
  command.add_option(
      "--latents",
      flags.latents,
      "FILE[#NAME]: the noise to start from, such as the dump of a PyTorch run, instead of a "
      "seed's");
}

void add_sampling(CLI::App& command, GenerateFlags& flags) {
  command.add_option("--steps", flags.steps, "Denoising steps");
  command.add_option("--guidance", flags.guidance, "Classifier-free guidance (base models)");
  auto* seeds = command.add_option(
      "--seed",
      flags.seeds,
      "One or more; each gives a picture. The default is a new random one, which is printed and "
      "stored in the picture. A seed's noise is not torch's: for that, see --latents");
  auto* many =
      command.add_option("--auto-seeds", flags.auto_seeds, "That many pictures of random seeds");
  seeds->excludes(many);
  command.get_option("--latents")->excludes(seeds)->excludes(many);
  command
      .add_option(
          "--sigmas",
          flags.sigmas,
          "Noise levels from 1 down, such as 1,0.75,0.5,0.25; the model's shift is applied")
      ->delimiter(',');
  command.add_option("--scheduler", flags.scheduler, fmt::format("Only {} for now", kScheduler));
  command.add_option(
      "--max-sequence-length", flags.max_sequence_length, "Tokens of the prompt that are used");
  command
      .add_option(
          "--dtype",
          flags.dtype,
          "float32 or bfloat16. The default is float32 on the CPU, the checkpoint's type on a GPU")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}));
  command.add_flag(
      "--free-text-encoder",
      flags.frees_text_encoder,
      "Give the text encoder's memory back once the prompt is encoded (read again for another)");
}

void add_outputs(CLI::App& command, GenerateFlags& flags) {
  command.add_option(
      "--output",
      flags.output,
      "PNG to write; never replaces a file: _1, _2 is appended. The default is named after the "
      "prompt. Of several seeds each gets _seed_N");
  command.add_flag("--metadata", flags.writes_sidecar, "Write the picture's metadata as .json too");
  command.add_option(
      "--stepwise-image-output-dir", flags.stepwise, "Folder for the picture after each step");
  add_capture_flags(command, flags.capture);
}

uint64_t parse_seed(const std::string& text) {
  uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, seed);
  if (problem != std::errc{} || stop != end) {
    throw Error(fmt::format("--seed {}: expected a whole number from 0 to 2^64 - 1", text));
  }
  return seed;
}

/// Short enough to be typed again.
uint64_t random_seed() {
  return std::random_device{}() & 0xFFFFFFFFu;
}

} // namespace

void add_generate_flags(CLI::App& command, GenerateFlags& flags, Session& session) {
  add_what_to_draw(command, flags, session);
  add_inputs(command, flags);
  add_sampling(command, flags);
  add_outputs(command, flags);
}

void check_generate_flags(const GenerateFlags& flags) {
  if (!flags.prompt && flags.prompt_file.empty()) {
    throw Error("there is no prompt: expected --prompt TEXT or --prompt-file FILE");
  }
  if (!flags.scheduler.empty() && flags.scheduler != kScheduler) {
    throw Error(fmt::format(
        "--scheduler {} is not implemented: these models are sampled with {}",
        flags.scheduler,
        kScheduler));
  }
  const auto& sigmas = flags.sigmas;
  if (std::adjacent_find(sigmas.begin(), sigmas.end(), std::less_equal{}) != sigmas.end()) {
    throw Error(fmt::format(
        "--sigmas {}: expected numbers that descend from at most 1", fmt::join(sigmas, ",")));
  }
  if (!flags.output.empty() && flags.output.extension() != ".png") {
    throw Error(fmt::format("--output {}: expected a .png file", flags.output.string()));
  }
  const bool is_one = flags.seeds.size() < 2 && flags.auto_seeds.value_or(1) == 1;
  if (!flags.capture.folder.empty() && !is_one) {
    throw Error("--capture dumps one picture's run: give one --seed");
  }
}

std::vector<uint64_t> seeds_of(const GenerateFlags& flags) {
  std::vector<uint64_t> seeds;
  for (const auto& text : flags.seeds) {
    const uint64_t seed = parse_seed(text);
    if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end()) {
      throw Error(fmt::format("--seed {} is given twice", text));
    }
    seeds.push_back(seed);
  }
  const int count = flags.auto_seeds.value_or(seeds.empty() ? 1 : 0);
  if (flags.auto_seeds && (count < 1 || count > kMostSeeds)) {
    throw Error(fmt::format("--auto-seeds {}: expected 1 to {}", count, kMostSeeds));
  }
  while (seeds.size() < static_cast<size_t>(count)) {
    const uint64_t seed = random_seed();
    if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) {
      seeds.push_back(seed);
    }
  }
  return seeds;
}

} // namespace mflux::cli
