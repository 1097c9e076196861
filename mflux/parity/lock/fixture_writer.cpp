#include "mflux/parity/lock/fixture_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <unordered_map>

#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;
using artifacts::Ranges;

constexpr uint64_t kHeader = 256; ///< of a tensor in a file, about

/// The reference's manifest, or the beginning of one.
Json manifest_of(const fs::path& ref) {
  std::error_code ignored;
  if (fs::is_directory(ref, ignored) && fs::exists(ref / artifacts::kManifest, ignored)) {
    return read_json(ref / artifacts::kManifest);
  }
  return Json{{"schema", 1}, {"run", Json::object()}};
}

std::unordered_map<std::string, Json> entries_of(const Json& manifest) {
  std::unordered_map<std::string, Json> entries;
  if (manifest.contains("checkpoints")) {
    for (const auto& entry : manifest["checkpoints"]) {
      Name name = parse_name(entry.at("name").get<std::string>());
      if (!name.step && entry.contains("step") && entry["step"].is_number_integer()) {
        name.step = entry["step"].get<int>();
      }
      entries.emplace(canonical(name), entry);
    }
  }
  return entries;
}

/// A crop of a crop, in the whole tensor's indices.
std::optional<Ranges> slice_of(const Kept& kept) {
  const auto& own = kept.row->ref->slice;
  if (!own || !kept.crop) {
    return kept.crop ? kept.crop : own;
  }
  Ranges out = *kept.crop;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].first += (*own)[i].first;
    out[i].second += (*own)[i].first;
  }
  return out;
}

Json entry_for(const Kept& kept, const std::string& file, Json entry) {
  const Checkpoint& ref = *kept.row->ref;
  entry["name"] = entry["key"] = ref.text;
  entry["file"] = file;
  entry["step"] = ref.name.step ? Json(*ref.name.step) : Json(nullptr);
  entry["role"] = name_of(ref.name.role);
  entry["dtype"] = artifacts::name_of(ref.dtype);
  if (!ref.slice) {
    entry["shape"] = ref.shape;
  } else if (ref.whole_shape) {
    entry["shape"] = *ref.whole_shape;
  }
  if (const auto slice = slice_of(kept)) {
    entry["slice"] = *slice;
  }
  return entry;
}

Json port_facts(const Dump& port) {
  Json out = Json::object();
  std::error_code ignored;
  const fs::path path = port.path() / artifacts::kManifest;
  if (fs::is_directory(port.path(), ignored) && fs::exists(path, ignored)) {
    const auto manifest = artifacts::read_manifest(path);
    out = {
        {"framework", manifest.framework},
        {"device", manifest.device},
        {"compute_dtype", manifest.compute_dtype}};
  }
  return out;
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true); // a TOML basic string is a JSON string
}

void add_rule(
    std::string& out,
    const std::string& why,
    const std::string& match,
    Tolerance tolerance,
    const std::optional<double>& max_ratio) {
  out += fmt::format(
      "\n[[tolerance]]\n# {}\nmatch = {}\natol = {}\nrtol = {}\n",
      printable(why),
      quoted(match),
      tolerance.atol,
      tolerance.rtol);
  if (max_ratio) {
    out += fmt::format("max_ratio = {}\n", *max_ratio);
  }
}

/// What the floating checkpoints of one component need.
struct Need {
  std::optional<Tolerance> given; ///< the default that decided
  double ratio = 0;               ///< the largest passing tolerance where ref32 decided
};

std::map<std::string, Need> needs_of(const std::vector<Kept>& kept) {
  std::map<std::string, Need> needs;
  for (const auto& [row, crop, bytes] : kept) {
    if (must_be_equal(*row)) {
      continue;
    }
    Need& need = needs[component_of(row->ref->name)];
    if (row->tolerance && row->rule.starts_with("default")) {
      need.given = row->tolerance;
    } else if (!row->tolerance && row->metrics) {
      need.ratio = std::max(need.ratio, row->metrics->passing_tolerance);
    }
  }
  return needs;
}

} // namespace

Locked summary_of(const std::vector<Kept>& kept) {
  Locked out;
  out.checkpoints = kept.size();
  for (const auto& [row, crop, bytes] : kept) {
    out.cropped += crop.has_value();
    if (row->metrics && (out.worst.empty() || row->metrics->rel_l2 > out.worst_rel_l2)) {
      out.worst_rel_l2 = row->metrics->rel_l2;
      out.worst = row->ref->text;
    }
  }
  return out;
}

std::string date_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

FixtureWriter::FixtureWriter(
    const Comparison& comparison,
    const std::vector<Kept>& kept,
    const fs::path& folder,
    uint64_t max_bytes)
    : comparison_(comparison), kept_(kept), folder_(folder), max_bytes_(max_bytes) {}

void FixtureWriter::write_tensors() {
  std::vector<artifacts::NamedTensor> shard;
  uint64_t bytes = 0;
  int number = 1;
  const auto file = [&] { return fmt::format("checkpoints-{:05}.safetensors", number); };
  for (const auto& kept : kept_) {
    if (!shard.empty() && bytes + kept.bytes + kHeader > max_bytes_) {
      artifacts::write_safetensors(folder_ / file(), shard);
      shard.clear();
      bytes = 0;
      ++number;
    }
    const auto tensor = comparison_.ref.load(*kept.row->ref);
    shard.push_back({kept.row->ref->text, kept.crop ? tensor.slice(*kept.crop) : tensor});
    bytes += kept.bytes + kHeader;
    files_.push_back(file());
  }
  artifacts::write_safetensors(folder_ / file(), shard);
}

void FixtureWriter::write_manifest(const fs::path& ref, const Provenance& provenance) const {
  Json manifest = manifest_of(ref);
  const auto entries = entries_of(manifest);
  const Locked& measured = provenance.measured;
  manifest["lock"] = {
      {"name", provenance.name},
      {"run", provenance.run},
      {"date", date_now()},
      {"tool", provenance.tool},
      {"port", port_facts(comparison_.port)},
      {"verdict", name_of(Verdict::pass)},
      {"checkpoints", measured.checkpoints},
      {"cropped", measured.cropped},
      {"worst", {{"name", measured.worst}, {"rel_l2", measured.worst_rel_l2}}},
      {"ref32", comparison_.ref32.has_value()}};
  Json list = Json::array();
  for (size_t i = 0; i < kept_.size(); ++i) {
    const auto entry = entries.find(kept_[i].row->ref->text);
    list.push_back(
        entry_for(kept_[i], files_[i], entry == entries.end() ? Json::object() : entry->second));
  }
  manifest["checkpoints"] = std::move(list);
  write_file(
      folder_ / artifacts::kManifest,
      manifest.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void FixtureWriter::write_tolerances(const std::vector<ToleranceRule>& rules) const {
  std::string out;
  const auto needs = needs_of(kept_);
  for (const auto& [component, need] : needs) {
    if (need.given) {
      add_rule(out, "the default that decided in the run", component, *need.given, {});
    }
  }
  for (const auto& rule : rules) {
    if (std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) {
          return is_match(rule, kept.row->ref->name);
        })) {
      add_rule(out, "of the run's parity.toml", rule.match, rule.tolerance, rule.max_ratio);
    }
  }
  for (const auto& [component, need] : needs) {
    if (need.ratio > 0) {
      const double twice =
          std::max(2 * need.ratio, need.given ? need.given->atol : kFloat32Tolerance.atol);
      add_rule(
          out,
          "ref32 decided in the run and is not kept: twice what the port needed",
          component,
          {twice, twice},
          {});
    }
  }
  if (!out.empty()) { // else every checkpoint must be equal
    write_file(
        folder_ / "parity.toml",
        "# Written by mflux parity lock; the last rule that matches holds.\n" + out);
  }
}

} // namespace mflux::parity
