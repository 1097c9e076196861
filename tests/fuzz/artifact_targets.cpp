#include "fuzz/targets.h"
#include "mflux/artifacts/npy.h"
#include "mflux/artifacts/npz.h"
#include "mflux/artifacts/safetensors.h"
#include "mflux/artifacts/shards.h"
#include "mflux/artifacts/write.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::fuzz {
namespace {

using artifacts::Bytes;

std::shared_ptr<const artifacts::Storage> stored(Bytes input) {
  return artifacts::make_storage({input.begin(), input.end()});
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
      {"npz", [](Bytes input) { read_all(*artifacts::open_npz("x.npz", stored(input))); }},
      {"safetensors", [](Bytes input) { read_all(*artifacts::open_safetensors(stored(input))); }},
      {"shards", read_shards},
  };
}

} // namespace mflux::fuzz
