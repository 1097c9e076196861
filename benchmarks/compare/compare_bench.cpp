// compare_bench memory REF PORT ROUNDS THREADS...
//   times measure() on two artifacts' first tensors, copied to memory, beside a plain read of both.
// compare_bench mapped REF PORT THREADS
//   compares them as they lie in their files and says how much memory that took.
// Prints JSON; benchmarks/compare/run.py calls it.
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"
#include "support/metrics_json.h"

namespace mflux::bench {
namespace {

constexpr std::array<parity::Tolerance, 2> kTolerances{{{1e-5, 1e-5}, {1e-2, 1e-2}}};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

artifacts::Tensor in_memory(const artifacts::Tensor& tensor) {
  const auto bytes = tensor.contiguous().data();
  return artifacts::make_tensor(tensor.dtype, tensor.shape, {bytes.begin(), bytes.end()});
}

/// Reads every byte once and does next to nothing with it.
uint64_t plain_read(const artifacts::Tensor& tensor) {
  const auto bytes = tensor.data();
  std::array<uint64_t, 16> sums{};
  for (size_t at = 0; at + sizeof sums <= bytes.size(); at += sizeof sums) {
    std::array<uint64_t, 16> words;
    std::memcpy(words.data(), bytes.data() + at, sizeof words);
    for (size_t i = 0; i < words.size(); ++i) {
      sums[i] ^= words[i];
    }
  }
  uint64_t out = 0;
  for (const uint64_t sum : sums) {
    out ^= sum;
  }
  return out;
}

template <typename Work>
double time_of(Work&& work) {
  const double start = seconds();
  work();
  return seconds() - start;
}

Json run_memory(
    const artifacts::Tensor& ref,
    const artifacts::Tensor& port,
    int rounds,
    const std::vector<int>& threads) {
  Json times = Json::object();
  parity::Metrics metrics;
  volatile uint64_t sink = 0;
  for (int round = 0; round < rounds; ++round) {
    times["read"].push_back(time_of([&] { sink = plain_read(ref) ^ plain_read(port); }));
    for (const int count : threads) {
      times["measure_" + std::to_string(count)].push_back(
          time_of([&] { metrics = parity::measure(ref, port, kTolerances, count); }));
    }
  }
  return {{"seconds", times}, {"metrics", testing::to_json(metrics)}};
}

Json run_mapped(const artifacts::Tensor& ref, const artifacts::Tensor& port, int threads) {
  parity::Metrics metrics;
  const double time = time_of([&] { metrics = parity::measure(ref, port, kTolerances, threads); });
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {
      {"seconds", time},
      {"bytes", ref.byte_count() + port.byte_count()},
      {"maxrss_bytes", usage.ru_maxrss * 1024},
      {"metrics", testing::to_json(metrics)}};
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) {
    std::fputs("usage: compare_bench memory|mapped REF PORT [ROUNDS] THREADS...\n", stderr);
    return 1;
  }
  const auto ref = artifacts::open_artifact(arguments[1])->load(0);
  const auto port = artifacts::open_artifact(arguments[2])->load(0);
  std::vector<int> numbers;
  for (size_t i = 3; i < arguments.size(); ++i) {
    numbers.push_back(std::stoi(arguments[i]));
  }
  const Json out =
      arguments[0] == "mapped"
          ? run_mapped(ref, port, numbers[0])
          : run_memory(
                in_memory(ref), in_memory(port), numbers[0], {numbers.begin() + 1, numbers.end()});
  std::puts(out.dump().c_str());
  return 0;
}

} // namespace
} // namespace mflux::bench

int main(int argc, char** argv) {
  try {
    return mflux::bench::run({argv + 1, argv + argc});
  } catch (const mflux::Error& error) {
    std::fprintf(stderr, "%s\n", mflux::one_line(error).c_str());
    return 2;
  }
}
