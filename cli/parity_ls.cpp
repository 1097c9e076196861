#include <fmt/format.h>

#include <memory>

#include "cli/parity_commands.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/runs/runs.h"

namespace mflux::cli {
namespace {

using parity::Run;

constexpr size_t kPromptWidth = 40;

std::chrono::seconds age_of(const Run& run) {
  return std::chrono::duration_cast<std::chrono::seconds>(
      std::filesystem::file_time_type::clock::now() - run.changed);
}

std::string sides_of(const Run& run) {
  std::string text;
  for (const auto& side : run.sides) {
    text += (text.empty() ? "" : " ") + side;
  }
  return text.empty() ? "-" : text;
}

std::string state_of(const Run& run) {
  std::string text = run.is_locked ? "locked" : "";
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (!run.partial.empty()) {
    add("partial");
  }
  if (!run.problem.empty()) {
    add("unreadable: " + printable(run.problem));
  }
  return text;
}

std::string prompt_of(const Run& run) {
  const std::string text = printable(run.prompt.value_or("-"));
  if (width_of(text) <= kPromptWidth) {
    return text;
  }
  size_t end = kPromptWidth - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end; // never inside a character
  }
  return text.substr(0, end) + "…";
}

std::string format_runs(const std::vector<Run>& runs, bool coloured) {
  TextTable table;
  std::vector<TextTable::Cell> head;
  for (const char* name :
       {"run", "sides", "checkpoints", "size", "age", "steps", "prompt", "state"}) {
    head.push_back({name, Colour::dim});
  }
  table.add(std::move(head));
  uint64_t bytes = 0;
  for (const auto& run : runs) {
    bytes += run.bytes;
    table.add(
        {{printable(run.id)},
         {sides_of(run)},
         {run.checkpoints ? fmt::to_string(*run.checkpoints) : "-"},
         {parity::size_text(run.bytes)},
         {parity::age_text(age_of(run))},
         {run.steps ? fmt::to_string(*run.steps) : "-"},
         {prompt_of(run)},
         {state_of(run), run.problem.empty() ? Colour::none : Colour::yellow}});
  }
  return fmt::format(
      "{}\n{} runs, {}\n",
      runs.empty() ? "" : table.format(coloured),
      runs.size(),
      parity::size_text(bytes));
}

Json to_json(const Run& run) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return {
      {"id", run.id},
      {"path", run.path.string()},
      {"sides", run.sides},
      {"checkpoints", run.checkpoints ? Json(*run.checkpoints) : Json(nullptr)},
      {"bytes", run.bytes},
      {"age_seconds", age_of(run).count()},
      {"prompt", run.prompt ? Json(*run.prompt) : Json(nullptr)},
      {"steps", run.steps ? Json(*run.steps) : Json(nullptr)},
      {"locked", run.is_locked},
      {"fixtures", run.fixtures},
      {"partial", text_or_null(run.partial)},
      {"problem", text_or_null(run.problem)}};
}

Exit run_ls(const std::string& root, const Session& session) {
  const auto artifacts = root.empty() ? parity::find_artifacts(".") : parity::artifacts_at(root);
  const auto runs = parity::list_runs(artifacts);
  if (!session.json) {
    fmt::print("{}", format_runs(runs, session.color()));
    return kSuccess;
  }
  Json out{{"schema", 1}, {"root", artifacts.string()}, {"runs", Json::array()}};
  for (const auto& run : runs) {
    out["runs"].push_back(to_json(run));
  }
  fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
  return kSuccess;
}

} // namespace

void add_parity_ls(CLI::App& parity, Session& session) {
  auto root = std::make_shared<std::string>();
  CLI::App* command = parity.add_subcommand("ls", "List the runs in debug_artifacts/");
  command->add_option(
      "ROOT", *root, "A debug_artifacts/ or the folder of one; else the nearest, looking upwards");
  command->footer("Example: mflux parity ls\n         mflux parity ls ../other-project --json");
  command->callback(
      [root, &session] { session.work = [root, &session] { return run_ls(*root, session); }; });
}

} // namespace mflux::cli
