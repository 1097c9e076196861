#pragma once

#include <chrono>
#include <cstdint>

#include "mlx/mlx.h"

namespace mflux::benchmark {

namespace mx = mlx::core;

/// Seconds until `run` had handed over its work, and until the device had done it; `start` is the
/// steady clock's at its call, in nanoseconds.
struct Taken {
  double submitted, done;
  int64_t start;
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
  const auto started = std::chrono::nanoseconds(start.time_since_epoch()).count();
  return {.submitted = submitted, .done = since(), .start = started};
}

/// Times the operations that a klein-4B step, its text encoder and its autoencoder at 1024 × 1024
/// are made of, each alone, and prints what rates they reach: a line of JSON each.
void time_operations();

} // namespace mflux::benchmark
