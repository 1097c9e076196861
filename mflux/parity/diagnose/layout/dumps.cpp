#include "mflux/parity/diagnose/layout/dumps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mflux/parity/diagnose/layout/sampling.h"

namespace mflux::parity {
namespace {

/// Other checkpoints that are read.
constexpr size_t kMostRead = 64;

/// Elements that say which tensor it is.
constexpr int64_t kFewest = 32;

/// A list of hidden states, or what is picked out of one: not the layer's own checkpoint.
bool is_picked_state(const Name& name) {
  static constexpr std::array<const char*, 3> kWords = {
      "hidden_state", "prompt_embeds", "text_embeds"};
  const std::string place = name.path + "." + name.argument;
  return std::any_of(kWords.begin(), kWords.end(), [&](const char* word) {
    return place.find(word) != std::string::npos;
  });
}

/// What such a state may be: another of the list, a layer's output, the embeddings, a final norm's.
bool is_state(const Name& name) {
  static constexpr std::array<const char*, 4> kWords = {"norm", "embed", "layer", "block"};
  return is_picked_state(name) || std::any_of(kWords.begin(), kWords.end(), [&](const char* word) {
           return name.path.find(word) != std::string::npos;
         });
}

/// Mean and root mean square tell most tensors apart without reading them.
bool may_be(const Row& port, const Row& other, double floor) {
  if (!port.metrics || !other.metrics || must_be_equal(other)) {
    return false;
  }
  const double slack = 20 * floor * std::max(other.metrics->ref_rms, 1e-30);
  return std::abs(port.metrics->port_mean - other.metrics->ref_mean) <= slack;
}

/// Whether some elements of the port are the other tensor's.
bool looks_like(const Case& at, const Field& other) {
  double difference = 0, norm = 0;
  for (const int64_t place : sample_places(at)) {
    const auto i = static_cast<size_t>(place);
    const double d = at.port.values[i] - other.values[i];
    difference += d * d;
    norm += other.values[i] * other.values[i];
  }
  return norm > 0 && std::sqrt(difference / norm) <= 0.02;
}

/// Whether what is computed from a row agrees.
bool users_agree(const Case& at) {
  bool any = false;
  for (size_t r = at.row + 1; r < at.scene.rows().size(); ++r) {
    const auto sources = at.scene.sources().of(r);
    if (!sources || std::find(sources->begin(), sources->end(), at.row) == sources->end()) {
      continue;
    }
    if (!is_untouched_by(at.before(), at.scene.rows()[r])) {
      return false;
    }
    any = true;
  }
  return any;
}

bool is_same_but_step(const Name& a, const Name& b) {
  return without_step(a) == without_step(b);
}

std::string id_of(const Case& at, size_t other) {
  const Name& from = at.scene.rows()[other].ref->name;
  if (!is_same_but_step(from, at.name()) && is_picked_state(at.name()) && is_state(from)) {
    return "dump.hidden_index";
  }
  return "dump.duplicate";
}

bool starts_with(const std::string& text, const char* start) {
  return text.rfind(start, 0) == 0;
}

std::string parent_of(const Name& name) {
  return name.path.substr(0, name.path.rfind('.'));
}

bool is_spot(const Name& name) {
  const auto parts = split(name.path, '.');
  return parts.back() == "rope_q" || parts.back() == "rope_k";
}

/// The module's own input, which a port holds that does nothing there; of two predictions guidance
/// tells more.
bool says_nothing(const Case& at, size_t other) {
  const Row& row = at.scene.rows()[other];
  const Name& name = row.ref->name;
  if ((name.role == Role::in && name.path == at.module()) ||
      (starts_with(name.path, "noise_pred") && starts_with(at.module(), "noise_pred") &&
       name.step == at.name().step)) {
    return true;
  }
  if (is_spot(at.name()) && parent_of(name) == parent_of(at.name())) {
    return true; // a rotation that does nothing
  }
  const auto sources = at.scene.sources().of(at.row);
  if (sources && component_of(at.name()) == "pipeline" && !is_same_but_step(name, at.name()) &&
      std::find(sources->begin(), sources->end(), other) != sources->end()) {
    return true; // what was to be done to it was not done
  }
  const auto inputs = at.inputs();
  return id_of(at, other) != "dump.hidden_index" && row.metrics &&
         std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) {
           const auto& metrics = at.scene.rows()[input.second].metrics;
           return metrics && metrics->ref_hash == row.metrics->ref_hash;
         });
}

/// Two checkpoints exchanged: no mistake of the dump.
bool are_exchanged(const Case& at, const FieldPair& other) {
  if (other.port.count() != at.ref.count()) {
    return false;
  }
  const double off = relative_error(other.port, at.ref);
  return off <= 0.02 && off < relative_error(other.port, other.ref);
}

void propose_other(const Case& at, size_t other, Proposals& proposals) {
  const std::string text = at.scene.rows()[other].ref->text;
  proposals.add(
      {id_of(at, other),
       [&at, other, text](const Half&) -> std::optional<Prediction> {
         const auto pair = at.scene.pair(other);
         if (!pair) {
           return std::nullopt;
         }
         return Prediction{pair->ref, {}, fmt::format("it is the reference's {}", text), {}};
       },
       false});
}

/// A copy of this checkpoint in the reference, such as the next module's input or what the module's
/// last part gave, that the port has right: so the port had the right tensor and dumped another.
std::optional<size_t> right_copy(const Case& at) {
  const Row& here = at.at();
  for (size_t r = 0; here.metrics && r < at.scene.rows().size(); ++r) {
    const Row& row = at.scene.rows()[r];
    if (row.metrics && row.verdict == Verdict::pass &&
        row.metrics->ref_hash == here.metrics->ref_hash && !must_be_equal(row)) {
      return r;
    }
  }
  return std::nullopt;
}

/// An old tensor is another one: not the right one with a few wrong elements.
bool is_another_tensor(const Case& at) {
  constexpr double kLeastShare = 0.9;
  int64_t differ = 0;
  for (size_t i = 0; i < at.ref.values.size(); ++i) {
    const double a = at.ref.values[i], d = at.port.values[i] - a;
    differ += std::abs(d) > 10 * at.floor() * std::abs(a);
  }
  return static_cast<double>(differ) >= kLeastShare * static_cast<double>(at.ref.count());
}

/// What compare() found: wrong here, while all that is computed from it agrees.
void state_stale(const Case& at, Proposals& proposals) {
  if (!is_another_tensor(at)) {
    return;
  }
  for (const auto& finding : at.scene.comparison().findings) {
    if (finding.kind == "stale" &&
        std::find(finding.names.begin(), finding.names.end(), at.at().ref->text) !=
            finding.names.end()) {
      proposals.state({"dump.stale", finding.text, 0.8});
    }
  }
}

/// The port's own right copy stands for what it should have dumped; how far it is off is the proof.
void propose_stale(const Case& at, Proposals& proposals) {
  const auto copy = right_copy(at);
  if (!copy || !users_agree(at)) {
    return;
  }
  const Row& right = at.scene.rows()[*copy];
  const Prediction::Elsewhere proof{at.before(), right.metrics->rel_l2};
  const std::string detail =
      fmt::format("{} of the port, the same tensor in the reference, agrees", right.ref->text);
  proposals.add(
      {"dump.stale",
       [&at, proof, detail](const Half&) {
         return std::optional(Prediction{at.port, {}, detail, proof});
       },
       false});
}

/// The checkpoint whose tensor this is: of the last steps of a loop, which look alike, the nearest.
std::optional<size_t> nearest_other(const Case& at) {
  const auto& rows = at.scene.rows();
  std::optional<size_t> nearest;
  double distance = std::numeric_limits<double>::infinity();
  size_t read = 0;
  for (size_t r = 0; r < rows.size() && read < kMostRead; ++r) {
    if (r == at.row || rows[r].ref_shape != at.at().ref_shape || says_nothing(at, r) ||
        !may_be(at.at(), rows[r], at.floor())) {
      continue;
    }
    ++read;
    const auto pair = at.scene.pair(r);
    if (!pair || pair->ref.count() != at.port.count() || !looks_like(at, pair->ref) ||
        are_exchanged(at, *pair) || relative_error(pair->ref, at.ref) <= 1e-3) {
      continue;
    }
    if (const double off = relative_error(at.port, pair->ref); off < distance) {
      nearest = r;
      distance = off;
    }
  }
  return nearest;
}

} // namespace

void propose_dump_mistakes(const Case& at, Proposals& proposals) {
  if (!at.same_shape || !at.is_first || at.ref.count() < kFewest || must_be_equal(at.at())) {
    return;
  }
  if (const auto other = nearest_other(at)) {
    propose_other(at, *other, proposals);
  }
  propose_stale(at, proposals);
  state_stale(at, proposals);
}

} // namespace mflux::parity
