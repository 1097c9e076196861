#include "mflux/artifacts/shards.h"

#include <fmt/format.h>

#include <set>
#include <unordered_map>
#include <utility>

#include "mflux/artifacts/json_events.h"
#include "mflux/artifacts/safetensors.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr size_t kMaxIndex = size_t{64} << 20;

/// {"metadata": …, "weight_map": {"tensor": "file"}}
class IndexReader final : public JsonEvents {
 public:
  std::unordered_map<std::string, std::string> file_of;

 private:
  bool in_map() const {
    return keys()[0] == "weight_map";
  }

  void on_begin(bool is_list) override {
    if (in_map() && (is_list || keys().size() > 1)) {
      fail("an object of file names");
    }
  }

  void on_end(bool) override {}

  void on_string(std::string value) override {
    if (!in_map()) {
      return;
    }
    if (keys().size() != 2) {
      fail("an object of file names");
    }
    file_of.emplace(keys()[1], std::move(value));
  }

  void on_number(uint64_t) override {
    on_other();
  }

  void on_other() override {
    if (in_map()) {
      fail("a file name");
    }
  }
};

class Shards final : public Artifact {
 public:
  void add(std::unique_ptr<Artifact> shard) {
    for (size_t i = 0; i < shard->tensors().size(); ++i) {
      tensors_.push_back(shard->tensors()[i]);
      places_.emplace_back(shards_.size(), i);
    }
    metadata_.insert(shard->metadata().begin(), shard->metadata().end());
    shards_.push_back(std::move(shard));
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t index) const override {
    const auto& place = places_.at(index);
    return shards_[place.first]->load(place.second);
  }

  bool is_ordered() const override {
    return false;
  }

  const Metadata& metadata() const override {
    return metadata_;
  }

 private:
  std::vector<std::unique_ptr<Artifact>> shards_;
  std::vector<std::pair<size_t, size_t>> places_; ///< shard and index there, per tensor
  std::vector<TensorInfo> tensors_;
  Metadata metadata_;
};

void check_file_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\\') != name.npos || name.find('\0') != name.npos) {
    throw Error(fmt::format(
        "the index names the shard \"{}\", expected a plain file name in its own folder", name));
  }
}

/// Throws unless the index gives exactly the shard's tensors to `file`; takes them off `left`.
void check_shard(
    const std::string& file,
    const Artifact& shard,
    std::unordered_map<std::string, std::string>& left) {
  for (const auto& tensor : shard.tensors()) {
    const auto found = left.find(tensor.name);
    if (found == left.end() || found->second != file) {
      throw Error(fmt::format(
          "the shard {} holds the tensor {}, which the index {}",
          file,
          tensor.name,
          found == left.end() ? "does not name (or which stands in two shards)"
                              : fmt::format("places in {}", found->second)));
    }
    left.erase(found);
  }
}

} // namespace

std::unique_ptr<Artifact> open_shards(const std::filesystem::path& path, Bytes index) {
  if (index.size() > kMaxIndex) {
    throw Error(
        fmt::format("the index has {} bytes, expected at most {}", index.size(), kMaxIndex));
  }
  IndexReader reader;
  reader.parse(as_text(index));
  std::set<std::string> files;
  for (const auto& [tensor, file] : reader.file_of) {
    check_file_name(file);
    files.insert(file);
  }
  if (files.empty()) {
    throw Error("the index has no \"weight_map\" with tensors");
  }
  auto out = std::make_unique<Shards>();
  for (const auto& file : files) {
    auto shard = with_context(fmt::format("the shard {}", file), [&] {
      return open_safetensors(map_file(path.parent_path() / file));
    });
    check_shard(file, *shard, reader.file_of);
    out->add(std::move(shard));
  }
  if (!reader.file_of.empty()) {
    const auto& [tensor, file] = *reader.file_of.begin();
    throw Error(fmt::format(
        "the index places the tensor {} in {}, which does not hold it ({} such tensors)",
        tensor,
        file,
        reader.file_of.size()));
  }
  return out;
}

} // namespace mflux::artifacts
