#pragma once

#include <filesystem>
#include <string>

#include "mflux/artifacts/manifest.h"
#include "mflux/base/atomic_file.h"
#include "support/dumps.h"

namespace mflux::testing {

/// Writes one side of a run, with a manifest.
inline void write_side(const std::filesystem::path& side, const std::string& partial = {}) {
  std::filesystem::create_directories(side);
  artifacts::write_npz(side / "all.npz", {row("a", {1, 2}), row("b", {3})});
  artifacts::Manifest manifest;
  manifest.run = {{"prompt", "red apple"}, {"steps", 4}};
  manifest.partial = partial;
  for (const char* name : {"a", "b"}) {
    auto& entry = manifest.checkpoints.emplace_back();
    entry.name = entry.key = name;
    entry.file = "all.npz";
  }
  artifacts::write_manifest(side / artifacts::kManifest, manifest);
}

inline void lock_run(const std::filesystem::path& run) {
  write_file(
      run / "locked.json",
      R"({"schema": 1, "fixtures": [{"fixture": "tests/fixtures/x", "name": "x"}]})");
}

} // namespace mflux::testing
