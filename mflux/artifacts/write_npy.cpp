#include "mflux/artifacts/chunks.h"
#include "mflux/artifacts/npy_header.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"

namespace mflux::artifacts {

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  AtomicFile file(path);
  file.write(npy_header(tensor.dtype, tensor.shape));
  for_each_chunk(tensor, [&](Bytes chunk) { file.write(chunk); });
  file.commit();
}

} // namespace mflux::artifacts
