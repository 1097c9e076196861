#include "mflux/artifacts/npz.h"

#include <fmt/format.h>

#include <atomic>
#include <unordered_set>
#include <utility>

#include "mflux/artifacts/inflate.h"
#include "mflux/artifacts/names.h"
#include "mflux/artifacts/npy.h"
#include "mflux/artifacts/zip.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

struct Member {
  ZipEntry entry;
  NpyHeader header;
};

Bytes packed_bytes(const ZipEntry& entry, const Storage& storage) {
  return storage.bytes().subspan(entry.data_offset, entry.packed_size);
}

/// The first bytes of the member, inflated as far as its npy header reaches.
NpyHeader read_header(const ZipEntry& entry, const Storage& storage) {
  const Bytes packed = packed_bytes(entry, storage);
  if (!entry.deflated) {
    return read_npy_header(packed);
  }
  constexpr size_t kUsual = 256;
  auto start = inflate_start(packed, std::min<uint64_t>(entry.size, kUsual));
  const size_t need = npy_data_offset(start);
  if (need > start.size()) {
    start = inflate_start(packed, std::min<uint64_t>(entry.size, need));
  }
  return read_npy_header(start);
}

Member read_member(ZipEntry entry, const Storage& storage) {
  const NpyHeader header = read_header(entry, storage);
  if (entry.size < header.data_offset || entry.size - header.data_offset != header.data_size) {
    throw Error(fmt::format(
        "{} of shape {} take {} bytes, the archive says {}",
        name_of(header.dtype),
        to_string(header.shape),
        header.data_offset + header.data_size,
        entry.size));
  }
  return {std::move(entry), header};
}

std::string tensor_name(const std::string& member) {
  return member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member;
}

class NpzFile final : public Artifact {
 public:
  NpzFile(std::string path, std::vector<Member> members, std::shared_ptr<const Storage> storage)
      : path_(std::move(path)),
        members_(std::move(members)),
        checked_(members_.size()),
        storage_(std::move(storage)) {
    std::unordered_set<std::string> names;
    for (const auto& member : members_) {
      const auto name = tensor_name(member.entry.name);
      check_name(name);
      if (!names.insert(name).second) {
        throw Error(fmt::format("two arrays are named {}", name));
      }
      tensors_.push_back({name, member.header.dtype, member.header.shape});
    }
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t index) const override {
    const auto& [entry, header] = members_.at(index);
    return with_context(
        fmt::format("{}: {}", path_, entry.name), [&, this] { return load_member(index); });
  }

  bool is_ordered() const override {
    return true;
  }

 private:
  Tensor load_member(size_t index) const {
    const auto& [entry, header] = members_[index];
    if (entry.deflated) {
      return npy_tensor(header, inflate(packed_bytes(entry, *storage_), entry), 0);
    }
    if (!checked_[index]) {
      check_crc(*storage_, entry.data_offset, entry.data_offset + entry.size, entry.crc);
      checked_[index] = true;
    }
    return npy_tensor(header, storage_, entry.data_offset);
  }

  std::string path_;
  std::vector<Member> members_;
  mutable std::vector<std::atomic<bool>> checked_; ///< stored members whose checksum was right
  std::vector<TensorInfo> tensors_;
  std::shared_ptr<const Storage> storage_;
};

} // namespace

std::unique_ptr<Artifact> open_npz(
    const std::filesystem::path& path,
    std::shared_ptr<const Storage> storage,
    std::vector<ZipEntry> entries) {
  std::vector<Member> members;
  for (auto& entry : entries) {
    const std::string name = entry.name;
    check_name(name);
    members.push_back(with_context(name, [&] { return read_member(std::move(entry), *storage); }));
  }
  return std::make_unique<NpzFile>(path.string(), std::move(members), std::move(storage));
}

} // namespace mflux::artifacts
