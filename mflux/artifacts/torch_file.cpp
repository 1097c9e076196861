#include "mflux/artifacts/torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <unordered_map>
#include <utility>

#include "mflux/artifacts/inflate.h"
#include "mflux/artifacts/pickle.h"
#include "mflux/artifacts/torch_globals.h"
#include "mflux/artifacts/torch_tensors.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr std::string_view kPickle = "data.pkl";
/// The number 0x1950a86a20f9469cfc6c as a pickle of protocol 2.
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.";
constexpr size_t kNone = std::numeric_limits<size_t>::max();

bool is_pickle(const std::string& name) {
  return name == kPickle ||
         (name.ends_with(kPickle) && name[name.size() - kPickle.size() - 1] == '/');
}

bool is_tar(Bytes file) {
  constexpr size_t kMagicAt = 257;
  return file.size() > kMagicAt && as_text(file.subspan(kMagicAt)).starts_with("ustar");
}

/// The members of a torch archive, which stand in one folder.
class Members {
 public:
  explicit Members(std::vector<ZipEntry> entries) : entries_(std::move(entries)) {
    const ZipEntry* pickle = nullptr;
    for (size_t i = 0; i < entries_.size(); ++i) {
      by_name_.emplace(entries_[i].name, i);
      if (is_pickle(entries_[i].name)) {
        if (pickle != nullptr) {
          throw Error(
              fmt::format("both {} and {} are in the archive", pickle->name, entries_[i].name));
        }
        pickle = &entries_[i];
      }
    }
    if (pickle == nullptr) {
      throw Error("there is no data.pkl in the archive, expected what torch.save writes");
    }
    folder_ = pickle->name.substr(0, pickle->name.size() - kPickle.size());
  }

  const ZipEntry* find(const std::string& name) const {
    const size_t index = index_of(name);
    return index == kNone ? nullptr : &entries_[index];
  }

  size_t index_of(const std::string& name) const {
    const auto found = by_name_.find(folder_ + name);
    return found == by_name_.end() ? kNone : found->second;
  }

  const ZipEntry& operator[](size_t index) const {
    return entries_[index];
  }

  size_t size() const {
    return entries_.size();
  }

  /// torch can write archives without checksums, which then are all 0.
  bool has_checksums() const {
    return find(std::string(kPickle))->crc != 0;
  }

  void refuse_scripts() const {
    const std::string code = folder_ + "code/";
    const bool script = std::any_of(entries_.begin(), entries_.end(), [&](const ZipEntry& entry) {
      return entry.name == folder_ + "constants.pkl" || entry.name.starts_with(code);
    });
    if (script) {
      throw Error(
          "this is a TorchScript program, not a file of tensors: save "
          "torch.jit.load(file).state_dict() with torch.save");
    }
  }

 private:
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string, size_t> by_name_;
  std::string folder_;
};

Bytes packed_bytes(const ZipEntry& entry, const Storage& storage) {
  return storage.bytes().subspan(entry.data_offset, entry.packed_size);
}

/// The member's bytes, checked, in their own storage when they had to be inflated.
std::pair<std::shared_ptr<const Storage>, size_t> content_of(
    const ZipEntry& entry, const std::shared_ptr<const Storage>& storage) {
  if (entry.deflated) {
    return {inflate(packed_bytes(entry, *storage), entry), 0};
  }
  return {storage, entry.data_offset};
}

class TorchFile final : public Artifact {
 public:
  TorchFile(std::string path, Members members, std::shared_ptr<const Storage> storage)
      : path_(std::move(path)),
        members_(std::move(members)),
        checked_(members_.size()),
        storage_(std::move(storage)) {}

  void read(const std::string& stem) {
    members_.refuse_scripts();
    const bool swapped = is_big_endian();
    const ZipEntry& pickle = *members_.find(std::string(kPickle));
    with_context(pickle.name, [&] {
      if (pickle.size > kMaxPickleBytes) {
        throw Error(fmt::format(
            "has {} bytes, at most {} are read: save tensors, not Python lists",
            pickle.size,
            kMaxPickleBytes));
      }
      const auto [bytes, begin] = checked(members_.index_of(std::string(kPickle)));
      auto contents = torch_contents(
          read_pickle(bytes->bytes().subspan(begin, pickle.size), check_torch_global), stem);
      texts_ = std::move(contents.texts);
      for (auto& tensor : contents.tensors) {
        const std::string name = tensor.info.name;
        with_context(name, [&] { add(std::move(tensor), swapped); });
      }
    });
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t index) const override {
    return with_context(fmt::format("{}: {}", path_, tensors_.at(index).name), [&] {
      const Place& place = places_[index];
      Tensor out = place.view;
      if (place.member != kNone) {
        auto [storage, begin] = checked(place.member);
        out.storage = std::move(storage);
        out.offset += begin;
      }
      return out;
    });
  }

  bool is_ordered() const override {
    return true;
  }

  const Metadata& metadata() const override {
    return texts_;
  }

 private:
  struct Place {
    size_t member = kNone; ///< of the storage; none for values of Python, which the view holds
    Tensor view;           ///< its offset counted from the storage's beginning
  };

  bool is_big_endian() const {
    const size_t index = members_.index_of("byteorder");
    if (index == kNone) {
      return false;
    }
    if (members_[index].size > 16) {
      throw Error("the archive's byteorder is no word");
    }
    const auto [bytes, begin] = checked(index);
    const auto order = as_text(bytes->bytes().subspan(begin, members_[index].size));
    if (order != "little" && order != "big") {
      throw Error(fmt::format("the archive's byteorder is \"{}\", expected little or big", order));
    }
    return order == "big";
  }

  void add(TorchTensor tensor, bool swapped) {
    Place place;
    if (tensor.storage.empty()) {
      place.view = make_tensor(tensor.info.dtype, tensor.info.shape, std::move(tensor.values));
    } else {
      place.member = members_.index_of("data/" + tensor.storage);
      const uint64_t held = place.member == kNone ? 0 : members_[place.member].size;
      if (place.member == kNone && tensor.storage_size > 0) {
        throw Error(fmt::format("its storage, data/{}, is not in the archive", tensor.storage));
      }
      if (held != tensor.storage_size) {
        throw Error(fmt::format(
            "its storage, data/{}, should have {} bytes, the archive has {}",
            tensor.storage,
            tensor.storage_size,
            held));
      }
      place.view.dtype = tensor.info.dtype;
      place.view.shape = tensor.info.shape;
      place.view.strides = std::move(tensor.strides);
      place.view.swapped = swapped && size_of(tensor.info.dtype) > 1;
      place.view.offset = tensor.offset;
      place.view.storage = storage_;
    }
    tensors_.push_back(std::move(tensor.info));
    places_.push_back(std::move(place));
  }

  /// The member's bytes, and where they begin.
  std::pair<std::shared_ptr<const Storage>, size_t> checked(size_t index) const {
    const ZipEntry& entry = members_[index];
    if (!entry.deflated && !checked_[index] && members_.has_checksums()) {
      check_crc(*storage_, entry.data_offset, entry.data_offset + entry.size, entry.crc);
    }
    checked_[index] = true;
    return content_of(entry, storage_);
  }

  std::string path_;
  Members members_;
  mutable std::vector<std::atomic<bool>> checked_; ///< members whose checksum was right
  std::shared_ptr<const Storage> storage_;
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
  Metadata texts_;
};

} // namespace

bool holds_torch(const std::vector<ZipEntry>& entries) {
  return std::any_of(
      entries.begin(), entries.end(), [](const ZipEntry& entry) { return is_pickle(entry.name); });
}

bool is_bare_pickle(Bytes file) {
  const bool starts = file.size() >= 2 && file[0] == std::byte{0x80} && file[1] >= std::byte{2} &&
                      file[1] <= std::byte{5};
  return starts || is_tar(file);
}

void refuse_bare_pickle(Bytes file) {
  if (is_tar(file) || as_text(file).starts_with(kLegacyMagic)) {
    throw Error(
        "this is torch.save's format of before 1.6: save it again, "
        "torch.save(torch.load(file, weights_only=True), new_file)");
  }
  throw Error("this is a bare Python pickle: save its tensors with torch.save or np.savez");
}

std::unique_ptr<Artifact> open_torch(
    const std::filesystem::path& path,
    std::shared_ptr<const Storage> storage,
    std::vector<ZipEntry> entries) {
  auto file =
      std::make_unique<TorchFile>(path.string(), Members(std::move(entries)), std::move(storage));
  file->read(path.stem().string());
  return file;
}

} // namespace mflux::artifacts
