#include "mflux/capture/recorder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/artifacts/write.h"
#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/base/log.h"
#include "mflux/capture/tensors.h"

namespace mflux::capture {
namespace {

std::optional<int> step_of(const std::string& checkpoint) {
  const auto at = checkpoint.rfind("@step=");
  return at == std::string::npos ? std::nullopt
                                 : std::optional(std::stoi(checkpoint.substr(at + 6)));
}

} // namespace

Recorder::Recorder(std::filesystem::path folder, RunFacts facts, Options options)
    : folder_(std::move(folder)), facts_(std::move(facts)), options_(std::move(options)) {}

bool Recorder::is_tapped(const std::string& module, const std::string& checkpoint) {
  bool any = false;
  for (const auto& glob : options_.globs) {
    if (glob_match(glob, module) || glob_match(glob, checkpoint)) {
      matched_.insert(glob);
      any = true;
    }
  }
  return any;
}

mx::array Recorder::see(
    const std::string& module,
    const std::string& checkpoint,
    Role role,
    const mx::array& tensor,
    Axes axes) {
  if (options_.is_survey) {
    seen_.push_back({checkpoint, tensor.nbytes()});
    return tensor;
  }
  if (!is_tapped(module, checkpoint)) {
    return tensor;
  }
  const auto seen = axes == Axes::channels_last ? channels_first(tensor) : tensor;
  if (pending_bytes_ > 0 && pending_bytes_ + seen.nbytes() > options_.shard_bytes) {
    flush();
  }
  artifacts::ManifestEntry entry;
  entry.name = entry.key = checkpoint;
  entry.file = shard_name();
  entry.step = step_of(checkpoint);
  entry.role = role == Role::in ? "in" : "out";
  entry.shape.emplace(seen.shape().begin(), seen.shape().end());
  entries_.push_back(std::move(entry));
  pending_.emplace_back(checkpoint, seen);
  pending_bytes_ += seen.nbytes();
  return tensor;
}

std::string Recorder::shard_name() const {
  return fmt::format("checkpoints-{:05}.safetensors", shard_);
}

void Recorder::flush() {
  if (pending_.empty()) {
    return;
  }
  std::vector<mx::array> lazy;
  for (auto& [name, tensor] : pending_) {
    tensor = mx::contiguous(tensor);
    lazy.push_back(tensor);
  }
  mx::eval(lazy);

  std::vector<artifacts::NamedTensor> tensors;
  for (const auto& [name, tensor] : pending_) {
    tensors.push_back({name, to_tensor(tensor)});
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    auto& entry = entries_[entries_.size() - tensors.size() + i];
    entry.dtype = artifacts::name_of(tensors[i].tensor.dtype);
  }
  if (!staging_) {
    staging_.emplace(folder_);
  }
  artifacts::write_safetensors(staging_->path() / shard_name(), tensors);
  pending_.clear();
  pending_bytes_ = 0;
  ++shard_;
}

void Recorder::refuse_nothing() const {
  if (options_.is_survey) {
    return;
  }
  if (entries_.empty()) {
    throw Error(
        fmt::format("no checkpoint of this run matches {}", fmt::join(options_.globs, " or ")));
  }
  for (const auto& glob : options_.globs) {
    if (!matched_.contains(glob)) {
      log(LogLevel::warning, fmt::format("no checkpoint of this run matches {}", glob));
    }
  }
}

void Recorder::finish() {
  refuse_nothing();
  flush();
  if (!staging_) {
    staging_.emplace(folder_);
  }
  artifacts::Manifest manifest;
  manifest.run = facts_.run;
  manifest.framework = fmt::format("mlx {}", mx::version());
  manifest.device = facts_.device;
  manifest.compute_dtype = facts_.compute_dtype;
  manifest.seed = facts_.seed;
  manifest.checkpoints = entries_;
  const auto file = staging_->path() / artifacts::kManifest;
  if (options_.is_survey) {
    artifacts::write_seen(file, manifest, seen_);
  } else {
    artifacts::write_manifest(file, manifest);
  }

  std::vector<std::string> files;
  for (const auto& entry : entries_) {
    if (files.empty() || files.back() != entry.file) {
      files.push_back(entry.file);
    }
  }
  files.emplace_back(artifacts::kManifest);
  staging_->commit(files);
  staging_.reset();
}

} // namespace mflux::capture
