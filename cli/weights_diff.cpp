#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/weights_commands.h"
#include "mflux/base/error.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/weights/checkpoint.h"

namespace mflux::cli {
namespace {

struct DiffFlags {
  std::filesystem::path a, b;
  int threads = 0;
};

/// A tensor in its checkpoint.
struct Place {
  const Checkpoint* checkpoint;
  size_t index;

  const artifacts::TensorInfo& info() const {
    return checkpoint->artifact->tensors()[index];
  }
  artifacts::Tensor load() const {
    return with_context(fmt::format("{}: {}", checkpoint->file.string(), info().name), [&] {
      return checkpoint->artifact->load(index);
    });
  }
};

/// By full name; the component counts only where either side has several.
std::map<std::string, Place> places_of(const std::vector<Checkpoint>& all, bool with_component) {
  std::map<std::string, Place> places;
  for (const auto& checkpoint : all) {
    for (size_t i = 0; i < checkpoint.artifact->tensors().size(); ++i) {
      const auto& name = checkpoint.artifact->tensors()[i].name;
      places.emplace(with_component ? checkpoint.full_name(name) : name, Place{&checkpoint, i});
    }
  }
  return places;
}

struct Difference {
  std::string name, kind, detail;
  double rel_l2 = 0, max_abs = 0;
  bool is_measured = false;
};

Difference compare(const std::string& name, const Place& a, const Place& b, int threads) {
  const auto describe = [](const artifacts::TensorInfo& info) {
    return fmt::format("{} {}", artifacts::name_of(info.dtype), artifacts::to_string(info.shape));
  };
  const auto detail = fmt::format("{} and {}", describe(a.info()), describe(b.info()));
  if (a.info().shape != b.info().shape) {
    return {name, "shape", detail};
  }
  if (artifacts::is_complex(a.info().dtype) != artifacts::is_complex(b.info().dtype)) {
    return {name, "dtype", detail};
  }
  const auto metrics = parity::measure(a.load(), b.load(), {}, threads);
  if (metrics.unequal > 0 || metrics.nonfinite_mismatch > 0) {
    return {
        name,
        "values",
        fmt::format("{} of {}", metrics.unequal, metrics.count),
        metrics.rel_l2,
        metrics.max_abs,
        true};
  }
  return {name, a.info().dtype == b.info().dtype ? "" : "dtype", detail};
}

std::vector<Difference> differences(
    const std::map<std::string, Place>& a, const std::map<std::string, Place>& b, int threads) {
  std::vector<Difference> out;
  for (const auto& [name, place] : a) {
    const auto other = b.find(name);
    if (other == b.end()) {
      out.push_back({name, "only in A", artifacts::to_string(place.info().shape)});
    } else if (auto found = compare(name, place, other->second, threads); !found.kind.empty()) {
      out.push_back(std::move(found));
    }
  }
  for (const auto& [name, place] : b) {
    if (!a.contains(name)) {
      out.push_back({name, "only in B", artifacts::to_string(place.info().shape)});
    }
  }
  return out;
}

Json to_json(const std::vector<Difference>& found, size_t tensors) {
  const auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json("infinite"); };
  Json list = Json::array();
  for (const auto& d : found) {
    Json entry{{"name", d.name}, {"kind", d.kind}, {"detail", d.detail}};
    if (d.is_measured) {
      entry["rel_l2"] = number(d.rel_l2);
      entry["max_abs"] = number(d.max_abs);
    }
    list.push_back(std::move(entry));
  }
  return {{"schema", 1}, {"tensors", tensors}, {"differences", std::move(list)}};
}

Exit diff(const DiffFlags& flags, const Session& session) {
  const auto a = open_checkpoints(flags.a), b = open_checkpoints(flags.b);
  const bool with_component = a.size() > 1 || b.size() > 1;
  const auto in_a = places_of(a, with_component), in_b = places_of(b, with_component);
  const auto found = differences(in_a, in_b, flags.threads);
  if (session.json) {
    print_json(to_json(found, in_a.size()));
    return found.empty() ? kSuccess : kAnswerIsNo;
  }
  TextTable table;
  for (const auto& d : found) {
    table.add(
        {{printable(d.name)},
         {d.kind},
         {d.detail},
         {d.is_measured ? fmt::format("rel_l2 {:.3g}", d.rel_l2) : ""},
         {d.is_measured ? fmt::format("max_abs {:.3g}", d.max_abs) : ""}});
  }
  fmt::print(
      "{}{} of {} tensors differ\n", table.format(session.color()), found.size(), in_a.size());
  return found.empty() ? kSuccess : kAnswerIsNo;
}

} // namespace

void add_weights_diff(CLI::App& weights, Session& session) {
  auto flags = std::make_shared<DiffFlags>();
  auto* command = weights.add_subcommand(
      "diff", "Which tensors of two checkpoints differ, and by how much (exit 1 if any)");
  command->add_option("A", flags->a, "A model's folder, a component's or a file")->required();
  command->add_option("B", flags->b, "The same of the other checkpoint")->required();
  command
      ->add_option("--threads", flags->threads, "Threads (default: all); the numbers are the same")
      ->check(CLI::Range(0, 1024));
  command->footer("Example: mflux weights diff models/emoji finetuned/");
  command->callback(
      [&session, flags] { session.work = [&session, flags] { return diff(*flags, session); }; });
}

} // namespace mflux::cli
