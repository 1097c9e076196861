#include "mflux/parity/bisect/survey.h"

#include <fmt/format.h>

#include <set>

#include "mflux/base/error.h"
#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/dumps/order.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

bool is_compared(const Name& name) {
  return name.role != Role::weight;
}

Listing listing_of(const std::vector<artifacts::SeenCheckpoint>& seen) {
  Listing listing;
  for (const auto& checkpoint : seen) {
    if (is_compared(parse_name(checkpoint.name))) {
      listing.checkpoints.push_back(checkpoint);
    }
  }
  return listing;
}

uint64_t bytes_of(const Checkpoint& checkpoint) {
  uint64_t count = size_of(checkpoint.dtype);
  for (const int64_t extent : checkpoint.shape) {
    count *= static_cast<uint64_t>(extent);
  }
  return count;
}

std::vector<size_t> order_of(const Dump& dump) {
  std::vector<size_t> order(dump.checkpoints().size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  if (dump.order() != OrderSource::none) {
    return order;
  }
  std::vector<OrderItem> items;
  for (const auto& checkpoint : dump.checkpoints()) {
    items.push_back({&checkpoint.name, 0, false});
  }
  return infer_order(items).order;
}

std::string first_of(const Listing& listing) {
  const auto& first = listing.checkpoints.front().name;
  return listing.checkpoints.size() == 1
             ? first
             : fmt::format("{}, … ({} in all)", first, listing.checkpoints.size());
}

/// Canonical names, each once.
std::vector<std::string> names_of(Listing& listing) {
  std::vector<std::string> names;
  std::vector<artifacts::SeenCheckpoint> kept;
  std::set<std::string> taken;
  for (auto& checkpoint : listing.checkpoints) {
    auto name = canonical(parse_name(checkpoint.name));
    if (taken.insert(name).second) {
      names.push_back(std::move(name));
      kept.push_back(std::move(checkpoint));
    }
  }
  listing.checkpoints = std::move(kept);
  return names;
}

} // namespace

Listing read_listing(const fs::path& folder) {
  const auto manifest = folder / artifacts::kManifest;
  std::error_code ignored;
  if (fs::exists(manifest, ignored)) {
    if (const auto seen = artifacts::read_seen(manifest)) {
      if (seen->empty()) {
        throw Error(fmt::format(
            "{}: the run came by no checkpoint; is the module that runs the one that is watched?",
            manifest.string()));
      }
      return listing_of(*seen);
    }
  }
  const Dump dump = Dump::open(folder);
  Listing listing;
  listing.has_tensors = true;
  for (const size_t i : order_of(dump)) {
    const auto& checkpoint = dump.checkpoints()[i];
    if (is_compared(checkpoint.name) && checkpoint.picture == artifacts::PictureKind::none) {
      listing.checkpoints.push_back({checkpoint.text, bytes_of(checkpoint)});
    }
  }
  if (listing.checkpoints.empty()) {
    throw Error(fmt::format("{}: holds no tensor that could be compared", folder.string()));
  }
  return listing;
}

Survey make_survey(const Listing& ref, const Listing& port, const std::vector<Rename>& renames) {
  Listing refs = ref, ports = port;
  const auto ref_names = names_of(refs), port_names = names_of(ports);
  const auto matching = match_names(ref_names, port_names, renames);
  if (matching.pairs.empty()) {
    throw Error(fmt::format(
        "nothing to compare: the reference has {}; the port has {}; map.toml can rename the port's "
        "checkpoints",
        first_of(refs),
        first_of(ports)));
  }
  Survey survey;
  survey.has_tensors = ref.has_tensors && port.has_tensors;
  survey.only_in_ref = matching.missing.size();
  survey.only_in_port = matching.extra.size();
  for (const auto& pair : matching.pairs) {
    const auto &mine = refs.checkpoints[pair.ref], &other = ports.checkpoints[pair.port];
    survey.spots.push_back(
        {mine.name, other.name, mine.bytes + other.bytes, parse_name(ref_names[pair.ref])});
  }
  return survey;
}

} // namespace mflux::parity
