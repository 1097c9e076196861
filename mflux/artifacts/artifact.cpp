#include "mflux/artifacts/artifact.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mflux/artifacts/npy.h"
#include "mflux/artifacts/npz.h"
#include "mflux/artifacts/picture.h"
#include "mflux/artifacts/safetensors.h"
#include "mflux/artifacts/shards.h"
#include "mflux/artifacts/torch_file.h"
#include "mflux/artifacts/zip.h"
#include "mflux/base/error.h"
#include "mflux/image/decoded.h"

namespace mflux::artifacts {
namespace {

enum class Format { npy, zip, safetensors, shards, pickle };

/// By content; a file that begins like none of the formats goes by its name, so that the reader of
/// that format can say what is wrong.
Format format_of(const std::filesystem::path& path, Bytes file) {
  const std::string name = path.filename().string();
  if (file.empty()) {
    throw Error("the file is empty, expected .npy, .npz, .safetensors or .pt");
  }
  if (as_text(file).starts_with(kNpyMagic)) {
    return Format::npy;
  }
  if (looks_like_zip(file)) {
    return Format::zip;
  }
  if (looks_like_safetensors(file)) {
    return Format::safetensors;
  }
  if (is_bare_pickle(file)) {
    return Format::pickle;
  }
  if (name.ends_with(".index.json")) {
    return Format::shards;
  }
  if (name.ends_with(".npy")) {
    return Format::npy;
  }
  if (name.ends_with(".npz")) {
    return Format::zip;
  }
  if (name.ends_with(".safetensors")) {
    return Format::safetensors;
  }
  const Bytes start = file.first(std::min<size_t>(file.size(), 4));
  std::vector<int> shown;
  std::transform(start.begin(), start.end(), std::back_inserter(shown), [](std::byte b) {
    return static_cast<int>(b);
  });
  throw Error(fmt::format(
      "the file begins with the bytes {:02x}, expected .npy, .npz, .safetensors, .pt or an "
      "index of shards",
      fmt::join(shown, " ")));
}

std::unique_ptr<Artifact> open_zip(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage) {
  auto entries = read_zip(storage->bytes());
  return holds_torch(entries) ? open_torch(path, std::move(storage), std::move(entries))
                              : open_npz(path, std::move(storage), std::move(entries));
}

/// By content too, else by its name.
bool is_picture(const std::filesystem::path& path, Bytes file) {
  return looks_like_png(as_text(file)) || looks_like_jpeg(as_text(file)) ||
         has_picture_name(path.filename().string());
}

std::unique_ptr<Artifact> open(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage) {
  if (is_picture(path, storage->bytes())) {
    return open_picture(path, std::move(storage));
  }
  switch (format_of(path, storage->bytes())) {
    case Format::npy:
      return open_npy(path, std::move(storage));
    case Format::zip:
      return open_zip(path, std::move(storage));
    case Format::safetensors:
      return open_safetensors(std::move(storage));
    case Format::shards:
      return open_shards(path, storage->bytes());
    case Format::pickle:
      refuse_bare_pickle(storage->bytes());
  }
  throw Error("unknown format");
}

} // namespace

const Metadata& Artifact::metadata() const {
  static const Metadata none;
  return none;
}

std::unique_ptr<Artifact> open_artifact(const std::filesystem::path& path) {
  return open_artifact(path, map_file(path.string()));
}

std::unique_ptr<Artifact> open_artifact(
    const std::filesystem::path& path, std::shared_ptr<const Storage> bytes) {
  return with_context(path.string(), [&] { return open(path, std::move(bytes)); });
}

} // namespace mflux::artifacts
