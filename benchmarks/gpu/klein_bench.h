#pragma once

#include <chrono>

#include "mlx/mlx.h"

namespace mflux::benchmark {

namespace mx = mlx::core;

/// Seconds until `run` had handed over its work, and until the device had done it.
struct Taken {
  double submitted, done;
};

template <typename Run>
Taken timed(Run&& run) {
  using Clock = std::chrono::steady_clock;
  mx::synchronize();
  const auto start = Clock::now();
  const auto since = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  run();
  const double submitted = since();
  mx::synchronize();
  return {.submitted = submitted, .done = since()};
}

/// Times the operations that a klein-4B step, its text encoder and its autoencoder at 1024 × 1024
/// are made of, each alone, and prints what rates they reach: a line of JSON each.
void time_operations();

} // namespace mflux::benchmark
