// libFuzzer over one target: the one that the program's own name says, fuzz_NAME.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "fuzz/targets.h"

namespace {

mflux::fuzz::Target chosen;

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  using namespace mflux::fuzz;
  const std::string name = std::filesystem::path(**argv).filename().string();
  for (auto targets : {artifact_targets(), image_targets(), text_targets(), tokenizer_targets()}) {
    if (name.starts_with("fuzz_") && targets.contains(name.substr(5))) {
      chosen = targets[name.substr(5)];
      return 0;
    }
  }
  std::fprintf(stderr, "%s: no such target\n", name.c_str());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mflux::fuzz::run(chosen, std::as_bytes(std::span(data, size)));
  return 0;
}
