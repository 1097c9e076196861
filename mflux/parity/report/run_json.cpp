#include "mflux/parity/report/run_json.h"

#include <fmt/format.h>

#include <unordered_map>

#include "mflux/artifacts/manifest.h"
#include "mflux/parity/dumps/module_tree.h"
#include "mflux/parity/gain.h"
#include "mflux/parity/report/page_json.h"
#include "mflux/parity/three_way.h"

namespace mflux::parity {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json side_json(const Dump& dump) {
  Json out{{"path", dump.path().string()}, {"checkpoints", dump.checkpoints().size()}};
  const auto manifest = dump.path() / artifacts::kManifest;
  if (std::filesystem::is_regular_file(manifest)) {
    const auto facts = artifacts::read_manifest(manifest);
    out["framework"] = facts.framework;
    out["device"] = facts.device;
    out["compute_dtype"] = facts.compute_dtype;
    out["seed"] = facts.seed;
  }
  out["run"] = dump.run();
  return out;
}

/// "in.hidden_states", "out", "out.1".
std::string label_of(const Name& name) {
  const std::string& part = name.role == Role::in ? name.argument : name.output;
  return fmt::format("{}{}{}", name_of(name.role), part.empty() ? "" : ".", part);
}

std::string dtypes_of(const Row& row) {
  std::string text(name_of(row.ref->dtype));
  if (row.port && row.port->dtype != row.ref->dtype) {
    text += fmt::format(" / {}", name_of(row.port->dtype));
  }
  return text;
}

/// Where the error bar of a row is marked: the relative L2 that rounding alone explains, or with
/// ref32 the reference's own.
double floor_of(const Row& row) {
  return must_be_equal(row) ? 0 : noise_floor(row);
}

Json rows_json(const std::vector<Row>& rows, const ModuleTree& tree) {
  Json out = Json::object();
  for (size_t r = 0; r < rows.size(); ++r) {
    const Row& row = rows[r];
    const auto add = [&](const char* column, Json value) {
      out[column].push_back(std::move(value));
    };
    const auto metric = [&](double Metrics::*field) {
      return row.metrics ? Json(*row.metrics.*field) : Json(nullptr);
    };
    add("name", row.ref->text);
    add("node", tree.node_of(r));
    add("label", label_of(row.ref->name));
    add("step", row.ref->name.step.value_or(0));
    add("verdict", name_of(row.verdict));
    add("shape", artifacts::to_string(row.ref_shape));
    add("dtype", dtypes_of(row));
    add("error", or_null(error_of(row)));
    add("floor", floor_of(row));
    add("max_abs", metric(&Metrics::max_abs));
    add("needed", metric(&Metrics::passing_tolerance));
    add("allowed",
        row.tolerance ? Json(std::max(row.tolerance->atol, row.tolerance->rtol)) : Json(nullptr));
    add("gain", or_null(row.gain));
    add("ratio", or_null(row.ratio));
    add("notes", row.notes.size());
    add("allowed_missing", row.allowed_missing);
  }
  return out;
}

Json nodes_json(const ModuleTree& tree) {
  Json out = Json::array();
  for (const auto& node : tree.nodes()) {
    const auto label =
        node.call > 1 ? fmt::format("{}.call{}", node.segment, node.call) : node.segment;
    out.push_back({node.parent, label, node.step});
  }
  return out;
}

Json divergence_json(const Comparison& comparison) {
  if (!comparison.first_divergence) {
    return nullptr;
  }
  const Divergence& first = *comparison.first_divergence;
  const Row& row = comparison.rows[first.row];
  return {
      {"row", first.row},
      {"owner", first.owner},
      {"between", first.between},
      {"why", first.why},
      {"input_error", or_null(row.input_error)}};
}

/// Findings, with the rows that they name.
Json findings_json(const Comparison& comparison) {
  std::unordered_map<std::string, size_t> row_of;
  for (size_t r = 0; r < comparison.rows.size(); ++r) {
    row_of.emplace(comparison.rows[r].ref->text, r);
  }
  Json out = Json::array();
  for (const auto& finding : comparison.findings) {
    Json rows = Json::array();
    for (const auto& name : finding.names) {
      const auto found = row_of.find(name);
      rows.push_back(found == row_of.end() ? Json(nullptr) : Json(found->second));
    }
    out.push_back(
        {{"kind", finding.kind}, {"text", finding.text}, {"names", finding.names}, {"rows", rows}});
  }
  return out;
}

} // namespace

Json run_json(const Comparison& comparison) {
  std::vector<const Name*> names;
  for (const auto& row : comparison.rows) {
    names.push_back(&row.ref->name);
  }
  const ModuleTree tree(names);
  Json extra = Json::array();
  for (const auto* checkpoint : comparison.extra) {
    extra.push_back(checkpoint->text);
  }
  return {
      {"verdict", name_of(comparison.verdict)},
      {"ref", side_json(comparison.ref)},
      {"port", side_json(comparison.port)},
      {"ref32", comparison.ref32 ? side_json(*comparison.ref32) : Json(nullptr)},
      {"order", comparison.order},
      {"precision", comparison.precision},
      {"run_facts", comparison.run_facts},
      {"remarks", comparison.remarks},
      {"findings", findings_json(comparison)},
      {"only_in_port", extra},
      {"first", divergence_json(comparison)},
      {"nodes", nodes_json(tree)},
      {"rows", rows_json(comparison.rows, tree)}};
}

} // namespace mflux::parity
