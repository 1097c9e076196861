#include "mflux/parity/dumps/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "mflux/artifacts/picture.h"
#include "mflux/base/error.h"
#include "mflux/parity/dumps/check_entry.h"
#include "mflux/parity/dumps/debug_tree.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kWeights = "weights";

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

template <size_t N>
bool has_extension(const fs::path& path, const std::array<std::string_view, N>& extensions) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

bool is_tensor_file(const fs::path& path) {
  constexpr std::array<std::string_view, 7> extensions = {
      ".npy", ".npz", ".safetensors", ".pt", ".pth", ".ckpt", ".bin"};
  return has_extension(path, extensions) || artifacts::has_picture_name(path.filename().string());
}

/// Files that a dump folder may hold beside its tensors.
bool is_companion(const fs::path& path) {
  constexpr std::array<std::string_view, 5> extensions = {".md", ".toml", ".html", ".cpp", ".py"};
  const std::string name = path.filename().string();
  return name == artifacts::kManifest || ends_with(name, kDebugTree) ||
         ends_with(name, "_debug_tree_SUMMARY.json") || path.filename().string().front() == '.' ||
         has_extension(path, extensions);
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    paths.push_back(at->path());
  }
  if (error) {
    throw Error(fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return paths;
}

std::set<std::string> shards_of(const fs::path& index) {
  const Json json = read_json(index);
  std::set<std::string> shards;
  if (json.is_object() && json.contains("weight_map") && json["weight_map"].is_object()) {
    for (const auto& [key, file] : json["weight_map"].items()) {
      if (file.is_string()) {
        shards.insert(file.get<std::string>());
      }
    }
  }
  return shards;
}

} // namespace

/// Builds a Dump.
class DumpReader {
 public:
  explicit DumpReader(const fs::path& path) {
    dump_.path_ = path;
  }

  Dump read() && {
    std::error_code error;
    const auto status = fs::status(dump_.path_, error);
    if (!fs::exists(status)) {
      throw Error(fmt::format("{}: does not exist", dump_.path_.string()));
    }
    if (fs::is_directory(status)) {
      read_folder();
    } else {
      add_file(dump_.path_, dump_.path_.filename().string());
    }
    list_checkpoints();
    if (dump_.checkpoints_.empty()) {
      throw Error(fmt::format(
          "{}: holds no tensors; expected .npy, .npz, .safetensors, .pt, .png or .jpg files{}",
          dump_.path_.string(),
          dump_.remarks_.empty() ? "" : fmt::format(" ({})", dump_.remarks_.front())));
    }
    return std::move(dump_);
  }

 private:
  void read_folder() {
    const auto paths = files_of(dump_.path_);
    std::set<std::string> shards;
    for (const auto& path : paths) {
      if (const std::string name = path.filename().string(); ends_with(name, kIndexSuffix)) {
        shards.merge(shards_of(path));
        add_file(path, name);
      }
    }
    const std::set<std::string> left_out = read_debug_trees(paths);
    for (const auto& path : paths) {
      const std::string name = path.filename().string();
      if (left_out.count(name) != 0) {
        continue;
      }
      if (fs::is_directory(path)) {
        read_subfolder(path, name);
      } else if (is_tensor_file(path) && shards.count(name) == 0) {
        add_file(path, name);
      } else if (!is_tensor_file(path) && !is_companion(path) && !ends_with(name, kIndexSuffix)) {
        dump_.remarks_.push_back(fmt::format("{}: not a tensor file, skipped", path.string()));
      }
    }
    if (fs::exists(dump_.path_ / artifacts::kManifest)) {
      manifest_file_ = artifacts::kManifest;
      manifest_ = artifacts::read_manifest(dump_.path_ / manifest_file_);
    }
  }

  /// Trees of transformers' model_addition_debugger take the place of a manifest. Returns the files
  /// that are not to be read.
  std::set<std::string> read_debug_trees(const std::vector<fs::path>& paths) {
    std::vector<std::string> names;
    for (const auto& path : paths) {
      names.push_back(path.filename().string());
    }
    std::set<std::string> left_out;
    for (const auto& path : paths) {
      if (!ends_with(path.filename().string(), kDebugTree)) {
        continue;
      }
      auto tree = read_debug_tree(path, names);
      manifest_file_ = path.filename().string();
      manifest_ = manifest_.value_or(artifacts::Manifest());
      std::move(
          tree.checkpoints.begin(),
          tree.checkpoints.end(),
          std::back_inserter(manifest_->checkpoints));
      dump_.remarks_.insert(dump_.remarks_.end(), tree.remarks.begin(), tree.remarks.end());
      left_out.merge(tree.left_out);
    }
    return left_out;
  }

  void read_subfolder(const fs::path& path, const std::string& name) {
    if (name == "__pycache__") {
      return;
    }
    if (name != kWeights) {
      dump_.remarks_.push_back(fmt::format("{}: a folder in a dump is not read", path.string()));
      return;
    }
    for (const auto& file : files_of(path)) {
      if (is_tensor_file(file)) {
        add_file(file, fmt::format("{}/{}", name, file.filename().string()));
      }
    }
  }

  void add_file(const fs::path& path, const std::string& name) {
    by_file_[name] = dump_.files_.size();
    dump_.files_.push_back({name, artifacts::open_artifact(path)});
  }

  void list_checkpoints() {
    std::set<std::pair<size_t, size_t>> listed;
    if (manifest_) {
      take_manifest(listed);
    }
    const size_t added = add_unlisted(listed, false);
    add_unlisted(listed, true); // the pictures, last
    if (manifest_ && added > 0) {
      const std::string where = dump_.path_.string();
      dump_.remarks_.push_back(fmt::format(
          "{}: {} tensors that {} does not list come last", where, added, manifest_file_));
    }
    if (!manifest_ && is_one_ordered_archive()) {
      dump_.order_ = OrderSource::archive;
    }
  }

  /// Of a parameter, whose dots are no suffixes.
  static Name weight_name(const std::string& text) {
    return parse_name(text.rfind("weights/", 0) == 0 ? text : "weights/" + text);
  }

  bool is_picture(size_t file) const {
    return dump_.files_[file].artifact->picture() != artifacts::PictureKind::none;
  }

  /// Returns how many the manifest does not list.
  size_t add_unlisted(const std::set<std::pair<size_t, size_t>>& listed, bool pictures) {
    size_t added = 0;
    for (size_t file = 0; file < dump_.files_.size(); ++file) {
      const auto& tensors = dump_.files_[file].artifact->tensors();
      if (is_picture(file) != pictures) {
        continue;
      }
      const bool is_of_weights = dump_.files_[file].name.starts_with("weights/");
      for (size_t index = 0; index < tensors.size(); ++index) {
        if (listed.count({file, index}) == 0) {
          Name name = is_of_weights ? weight_name(tensors[index].name)
                                    : parse_file_name(tensors[index].name);
          added += add(make(file, index, std::move(name)));
        }
      }
    }
    return added;
  }

  bool is_one_ordered_archive() const {
    size_t tensor_files = 0, ordered = 0;
    for (size_t file = 0; file < dump_.files_.size(); ++file) {
      tensor_files += !is_picture(file);
      ordered += dump_.files_[file].artifact->is_ordered();
    }
    return tensor_files == 1 && ordered == 1;
  }

  void take_manifest(std::set<std::pair<size_t, size_t>>& listed) {
    const std::string where = (dump_.path_ / manifest_file_).string();
    dump_.run_ = manifest_->run;
    dump_.order_ = OrderSource::manifest;
    if (!manifest_->partial.empty()) {
      dump_.remarks_.push_back(fmt::format(
          "{}: the run that wrote this dump ended early: {}", where, manifest_->partial));
    }
    std::set<std::string> names;
    for (const auto& entry : manifest_->checkpoints) {
      if (!names.insert(fmt::format("{} {}", entry.step.value_or(0), entry.name)).second) {
        throw Error(fmt::format("{}: {} is listed twice", where, entry.name));
      }
      const auto file = by_file_.find(entry.file);
      if (file == by_file_.end()) {
        reject_file(entry, where);
      }
      const size_t index = index_of(entry, file->second, where);
      listed.insert({file->second, index});
      Name name = parse_name(entry.name);
      if (!name.step) {
        name.step = entry.step;
      }
      Checkpoint checkpoint = make(file->second, index, std::move(name));
      checkpoint.module_class = entry.module_class;
      checkpoint.slice = entry.slice;
      checkpoint.whole_shape = entry.shape;
      check_entry(entry, checkpoint, where);
      if (entry.role == "weight") {
        checkpoint.name = weight_name(entry.name);
      }
      add(std::move(checkpoint));
    }
  }

  [[noreturn]] static void reject_file(
      const artifacts::ManifestEntry& entry, const std::string& where) {
    throw Error(fmt::format(
        "{}: {} should be in the file {}, which is no file of tensors in the folder",
        where,
        entry.name,
        entry.file));
  }

  size_t index_of(
      const artifacts::ManifestEntry& entry, size_t file, const std::string& where) const {
    const auto& tensors = dump_.files_[file].artifact->tensors();
    if (entry.key.empty() && tensors.size() == 1) {
      return 0;
    }
    auto& indices = keys_[file];
    if (indices.empty()) {
      for (size_t i = 0; i < tensors.size(); ++i) {
        indices.emplace(tensors[i].name, i);
      }
    }
    const auto found = indices.find(entry.key.empty() ? entry.name : entry.key);
    if (found == indices.end()) {
      throw Error(fmt::format(
          "{}: {} should be the tensor \"{}\" of {}, which has none of that name",
          where,
          entry.name,
          entry.key.empty() ? entry.name : entry.key,
          entry.file));
    }
    return found->second;
  }

  Checkpoint make(size_t file, size_t index, Name name) const {
    const auto& info = dump_.files_[file].artifact->tensors()[index];
    Checkpoint checkpoint;
    checkpoint.name = std::move(name);
    checkpoint.artifact = file;
    checkpoint.index = index;
    checkpoint.dtype = info.dtype;
    checkpoint.shape = info.shape;
    checkpoint.text = canonical(checkpoint.name);
    checkpoint.picture = dump_.files_[file].artifact->picture();
    return checkpoint;
  }

  /// False for weights, which are no checkpoints.
  bool add(Checkpoint checkpoint) {
    if (checkpoint.name.role == Role::weight) {
      dump_.weights_.push_back(std::move(checkpoint));
      return false;
    }
    const auto [other, fresh] = places_.emplace(checkpoint.text, checkpoint.artifact);
    if (!fresh) {
      const std::string first = dump_.files_[other->second].name;
      const std::string second = dump_.files_[checkpoint.artifact].name;
      throw Error(fmt::format(
          "{}: the checkpoint {} stands twice, in {} and in {}; NAME and NAME.out.0 are one",
          dump_.path_.string(),
          checkpoint.text,
          first,
          second));
    }
    dump_.checkpoints_.push_back(std::move(checkpoint));
    return true;
  }

  Dump dump_;
  std::string manifest_file_;
  std::optional<artifacts::Manifest> manifest_;
  std::map<std::string, size_t> by_file_;
  std::unordered_map<std::string, size_t> places_;
  mutable std::map<size_t, std::unordered_map<std::string, size_t>> keys_;
};

Dump Dump::open(const fs::path& path) {
  return DumpReader(path).read();
}

artifacts::Tensor Dump::load(const Checkpoint& checkpoint) const {
  return with_context(checkpoint.text, [&] {
    return files_[checkpoint.artifact].artifact->load(checkpoint.index);
  });
}

} // namespace mflux::parity
