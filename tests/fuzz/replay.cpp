// Runs targets over committed inputs, built like any test: replay SEEDS, where SEEDS/NAME holds the
// inputs of the target NAME. Every target must have some.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>

#include "fuzz/targets.h"
#include "mflux/base/atomic_file.h"

namespace {

namespace fs = std::filesystem;

/// How many inputs there were.
size_t replay(const fs::path& folder, const mflux::fuzz::Target& target) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string input = mflux::read_file(entry.path());
    // Told before: a crash says no more.
    std::fprintf(stderr, "%s\n", entry.path().c_str());
    mflux::fuzz::run(target, std::as_bytes(std::span(input)));
    ++count;
  }
  return count;
}

int main_of(const fs::path& seeds) {
  using namespace mflux::fuzz;
  int status = 0;
  for (const auto& targets :
       {artifact_targets(), image_targets(), text_targets(), tokenizer_targets()}) {
    for (const auto& [name, target] : targets) {
      const size_t count = fs::is_directory(seeds / name) ? replay(seeds / name, target) : 0;
      std::printf("%s: %zu inputs\n", name.c_str(), count);
      status |= count == 0;
    }
  }
  return status;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: replay SEEDS\n", stderr);
    return 2;
  }
  return main_of(argv[1]);
}
