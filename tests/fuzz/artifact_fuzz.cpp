// libFuzzer over all artifact readers. Build with clang, -DMFLUX_BUILD_FUZZERS=ON and
// -DMFLUX_SANITIZE=address,undefined; run: fuzz_artifacts CORPUS tests/fixtures/artifacts
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mflux::artifacts;
  const auto raw = std::as_bytes(std::span(data, size));
  try {
    const auto artifact = open_artifact("x", make_storage({raw.begin(), raw.end()}));
    for (size_t i = 0; i < artifact->tensors().size(); ++i) {
      const Tensor tensor = artifact->load(i).contiguous();
      if (tensor.count() > 0) {
        value_at(tensor, tensor.count() - 1);
      }
    }
  } catch (const mflux::Error&) {
  }
  return 0;
}
