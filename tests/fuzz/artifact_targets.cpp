#include "fuzz/targets.h"
#include "mflux/artifacts/npy.h"
#include "mflux/artifacts/npz.h"
#include "mflux/artifacts/safetensors.h"
#include "mflux/artifacts/shards.h"
#include "mflux/artifacts/torch_file.h"
#include "mflux/artifacts/torch_globals.h"
#include "mflux/artifacts/torch_tensors.h"
#include "mflux/artifacts/write.h"
#include "mflux/artifacts/zip.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::fuzz {
namespace {

using artifacts::Bytes;

std::shared_ptr<const artifacts::Storage> stored(Bytes input) {
  return artifacts::make_storage({input.begin(), input.end()});
}

/// An archive through the reader of its kind.
template <typename Open>
void read_archive(Bytes input, Open&& open) {
  const auto storage = stored(input);
  read_all(*open("x.zip", storage, artifacts::read_zip(storage->bytes())));
}

/// Without the archive, whose checksums keep most mutations from the pickle.
void read_pickle(Bytes input) {
  artifacts::torch_contents(artifacts::read_pickle(input, artifacts::check_torch_global), "x");
}

/// An index beside one shard, "a.safetensors", which holds "x" and "y".
void read_shards(Bytes input) {
  static const testing::TemporaryFolder folder;
  static const bool written = [] {
    artifacts::write_safetensors(
        folder / "a.safetensors", {testing::row("x", {1, 2}), testing::row("y", {3})});
    return true;
  }();
  static_cast<void>(written);
  read_all(*artifacts::open_shards(folder / "model.safetensors.index.json", input));
}

} // namespace

Targets artifact_targets() {
  return {
      {"npy", [](Bytes input) { read_all(*artifacts::open_npy("x.npy", stored(input))); }},
      {"pickle", read_pickle},
      {"torch", [](Bytes input) { read_archive(input, artifacts::open_torch); }},
      {"npz", [](Bytes input) { read_archive(input, artifacts::open_npz); }},
      {"safetensors", [](Bytes input) { read_all(*artifacts::open_safetensors(stored(input))); }},
      {"shards", read_shards},
  };
}

} // namespace mflux::fuzz
