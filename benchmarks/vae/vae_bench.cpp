// vae_bench FOLDER SIDE REPEATS: decodes random latents to one SIDE × SIDE picture with the
// autoencoder in FOLDER and prints the seconds of each repeat as a JSON list. run.py calls it and
// times diffusers beside it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/vae/flux2/autoencoder.h"

namespace {

namespace mx = mlx::core;

std::vector<double> measure(const std::string& folder, int side, int repeats) {
  const auto vae = mflux::flux2::load_autoencoder(folder, mx::float32);
  const int latent_side = side / vae.config.scale();
  const auto latents =
      mx::random::normal({1, latent_side, latent_side, vae.config.latent_channels});
  mx::eval(latents);
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    mx::eval(vae.decode(latents));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (i > 0) { // the first call also lays out the weights
      seconds.push_back(taken.count());
    }
  }
  return seconds;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: vae_bench FOLDER SIDE REPEATS\n");
    return 2;
  }
  try {
    const auto seconds = measure(argv[1], std::stoi(argv[2]), std::stoi(argv[3]));
    fmt::print("[{}]\n", fmt::join(seconds, ", "));
  } catch (const std::exception& error) {
    fmt::print(stderr, "vae_bench: {}\n", mflux::one_line(error));
    return 2;
  }
  return 0;
}
