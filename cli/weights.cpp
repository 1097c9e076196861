#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/weights_commands.h"
#include "mflux/base/error.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/weights/checkpoint.h"
#include "mflux/weights/scan.h"

namespace mflux::cli {

void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

namespace {

struct Totals {
  size_t tensors = 0, bytes = 0;
  int64_t elements = 0;

  void add(const artifacts::TensorInfo& info) {
    ++tensors;
    bytes += artifacts::byte_count(info.dtype, info.shape);
    elements += artifacts::element_count(info.shape);
  }
  std::string text() const {
    return fmt::format(
        "{} tensors, {} parameters, {:.1f} MB",
        tensors,
        elements,
        static_cast<double>(bytes) / 1e6);
  }
};

std::string title(const Checkpoint& checkpoint, const Totals& totals) {
  return fmt::format("{}: {}", printable(checkpoint.file.string()), totals.text());
}

std::string shard_of(const Checkpoint& checkpoint, const std::string& tensor) {
  const auto found = checkpoint.shards.find(tensor);
  return found == checkpoint.shards.end() ? "" : found->second;
}

/// Statistics of one tensor; of integers and float8 too.
struct Statistics {
  parity::Summary summary;
  Scan bits;

  double deviation() const {
    return std::sqrt(std::max(0.0, summary.rms * summary.rms - summary.mean * summary.mean));
  }
};

Statistics statistics_of(const Checkpoint& checkpoint, size_t index, int threads) {
  const std::string where =
      fmt::format("{}: {}", checkpoint.file.string(), checkpoint.artifact->tensors()[index].name);
  return with_context(where, [&] {
    const auto tensor = checkpoint.artifact->load(index);
    return Statistics{parity::summarize(tensor, threads), scan(tensor)};
  });
}

Json to_json(const Statistics& statistics) {
  const auto& s = statistics.summary;
  return {
      {"min", number_or_null(s.min)},
      {"max", number_or_null(s.max)},
      {"mean", number_or_null(s.mean)},
      {"std", number_or_null(statistics.deviation())},
      {"nan", s.nonfinite.nan},
      {"inf", s.nonfinite.positive_inf + s.nonfinite.negative_inf},
      {"zeros", statistics.bits.zeros},
      {"effective_dtype", artifacts::name_of(s.effective)}};
}

struct Listing {
  std::filesystem::path path;
  bool with_values = false;
  int threads = 0;
};

void add_cells(const Statistics& statistics, std::vector<TextTable::Cell>& row) {
  const auto& s = statistics.summary;
  for (const double value : {s.min, s.max, s.mean, statistics.deviation()}) {
    row.push_back({fmt::format("{:.4g}", value)});
  }
  row.push_back({fmt::format("{}", statistics.bits.zeros)});
  const bool is_bad = statistics.bits.nonfinite > 0;
  row.push_back(
      {fmt::format("{}", statistics.bits.nonfinite), is_bad ? Colour::red : Colour::none});
}

/// What is told of one tensor, both ways.
struct Line {
  std::vector<TextTable::Cell> row;
  Json json;
};

Line line_of(const Checkpoint& checkpoint, size_t index, const Listing& listing) {
  const auto& info = checkpoint.artifact->tensors()[index];
  const auto bytes = artifacts::byte_count(info.dtype, info.shape);
  const auto dtype = artifacts::name_of(info.dtype);
  const auto shard = shard_of(checkpoint, info.name);
  Line line{
      {{printable(info.name)}, {std::string(dtype)}, {artifacts::to_string(info.shape)}},
      {{"name", info.name}, {"dtype", dtype}, {"shape", info.shape}, {"bytes", bytes}}};
  if (!shard.empty()) {
    line.json["shard"] = shard;
  }
  if (listing.with_values) {
    const auto statistics = statistics_of(checkpoint, index, listing.threads);
    line.json.update(to_json(statistics));
    add_cells(statistics, line.row);
  } else {
    line.row.push_back({fmt::format("{}", bytes)});
    line.row.push_back({printable(shard)});
  }
  return line;
}

Exit list(const Listing& listing, const Session& session) {
  Json components = Json::array();
  for (const auto& checkpoint : open_checkpoints(listing.path)) {
    Totals totals;
    TextTable table;
    Json tensors = Json::array();
    if (listing.with_values) {
      table.add(
          {{"tensor"},
           {"dtype"},
           {"shape"},
           {"min"},
           {"max"},
           {"mean"},
           {"std"},
           {"zeros"},
           {"NaN/Inf"}});
    }
    for (size_t i = 0; i < checkpoint.artifact->tensors().size(); ++i) {
      totals.add(checkpoint.artifact->tensors()[i]);
      auto line = line_of(checkpoint, i, listing);
      tensors.push_back(std::move(line.json));
      table.add(std::move(line.row));
    }
    if (session.json) {
      components.push_back(
          {{"component", checkpoint.component.empty() ? Json(nullptr) : Json(checkpoint.component)},
           {"file", checkpoint.file.string()},
           {"parameters", totals.elements},
           {"bytes", totals.bytes},
           {"tensors", std::move(tensors)}});
    } else {
      fmt::print("{}\n{}", title(checkpoint, totals), table.format(session.color()));
    }
  }
  if (session.json) {
    print_json({{"schema", 1}, {"checkpoints", std::move(components)}});
  }
  return kSuccess;
}

CLI::App* add_listing(
    CLI::App& weights, Session& session, const char* name, const char* about, bool with_values) {
  auto listing = std::make_shared<Listing>();
  listing->with_values = with_values;
  auto* command = weights.add_subcommand(name, about);
  command
      ->add_option(
          "PATH", listing->path, "A model's folder, a component's, a .safetensors or its index")
      ->required();
  if (with_values) {
    command
        ->add_option(
            "--threads", listing->threads, "Threads (default: all); the numbers are the same")
        ->check(CLI::Range(0, 1024));
  }
  command->callback([&session, listing] {
    session.work = [&session, listing] { return list(*listing, session); };
  });
  return command;
}

} // namespace

void add_weights(CLI::App& app, Session& session) {
  auto* weights = app.add_subcommand("weights", "Look into checkpoints and check them");
  weights->require_subcommand(1);
  weights->footer("Example: mflux weights check flux2-klein models/emoji");
  add_listing(
      *weights, session, "ls", "Names, types, shapes, bytes and shards of the tensors", false)
      ->footer(
          "Examples:\n  mflux weights ls models/emoji\n  mflux weights ls --json "
          "model.safetensors");
  add_listing(*weights, session, "stat", "Statistics of the tensors' values", true)
      ->footer("Example: mflux weights stat models/emoji/vae");
  add_weights_diff(*weights, session);
  add_weights_check(*weights, session);
}

} // namespace mflux::cli
