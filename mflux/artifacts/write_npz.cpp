#include <fmt/format.h>

#include "mflux/artifacts/chunks.h"
#include "mflux/artifacts/names.h"
#include "mflux/artifacts/npy_header.h"
#include "mflux/artifacts/write.h"
#include "mflux/artifacts/zip_writer.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {

void write_npz(
    const std::filesystem::path& path,
    const std::vector<NamedTensor>& tensors,
    Compression compression) {
  const auto member_of = [](const NamedTensor& named) { return named.name + ".npy"; };
  with_context(path.string(), [&] {
    check_names(tensors);
    for (const auto& named : tensors) {
      ZipWriter::check_name(member_of(named));
    }
  });
  AtomicFile file(path);
  ZipWriter archive(file);
  for (const auto& named : tensors) {
    const std::string header = npy_header(named.tensor.dtype, named.tensor.shape);
    archive.add(
        member_of(named),
        header.size() + named.tensor.byte_count(),
        compression == Compression::deflated,
        [&](const std::function<void(Bytes)>& take) {
          take(as_bytes(header));
          for_each_chunk(named.tensor, take);
        });
  }
  archive.finish();
  file.commit();
}

} // namespace mflux::artifacts
