// transformer_bench FOLDER SIDE TEXT REPEATS: evaluates the FLUX.2 transformer in FOLDER on random
// inputs, SIDE × SIDE image tokens and TEXT text tokens, in float32. Prints the seconds of each
// repeat and the process' peak memory in bytes as JSON. run.py calls it and times diffusers beside.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/models/flux2/transformer.h"

namespace {

namespace mx = mlx::core;
namespace flux2 = mflux::flux2;

std::vector<double> measure(const std::string& folder, int side, int text, int repeats) {
  const auto model = flux2::load_transformer(folder, mx::float32);
  const auto& config = model.config;
  const flux2::TransformerInput input{
      .hidden_states = mx::random::normal({1, side * side, config.in_channels}),
      .encoder_hidden_states = mx::random::normal({1, text, config.joint_attention_dim}),
      .timestep = mx::full({1}, 0.75f),
      .img = model.pos_embed.prepare(flux2::image_ids(1, {.columns = side, .rows = side})),
      .txt = model.pos_embed.prepare(flux2::text_ids(1, text))};
  mx::eval(input.hidden_states, input.encoder_hidden_states, input.timestep);
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    mx::eval(model(input));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (i > 0) { // the first call also reads the weights
      seconds.push_back(taken.count());
    }
  }
  return seconds;
}

long peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return usage.ru_maxrss * 1024;
#endif
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: transformer_bench FOLDER SIDE TEXT REPEATS\n");
    return 2;
  }
  try {
    const auto seconds =
        measure(argv[1], std::stoi(argv[2]), std::stoi(argv[3]), std::stoi(argv[4]));
    fmt::print(
        "{{\"seconds\": [{}], \"peak_bytes\": {}}}\n", fmt::join(seconds, ", "), peak_bytes());
  } catch (const std::exception& error) {
    fmt::print(stderr, "transformer_bench: {}\n", mflux::one_line(error));
    return 2;
  }
  return 0;
}
