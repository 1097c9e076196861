#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "cli/parity_commands.h"
#include "cli/shell.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/parity/bisect/bisect.h"

namespace mflux::cli {
namespace {

using parity::Conclusion;

struct BisectFlags {
  std::string run, ref, port, map, tolerances;
  uint64_t max_bytes = parity::Limits().bytes;
  bool restart = false, keep = false;
  int threads = 0;
};

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

/// Runs both sides in a shell and prints the lines of the log.
class ShellRunner : public parity::BisectRunner {
 public:
  explicit ShellRunner(const Session& session) : session_(session) {}

  void run(const parity::SideRun& run) override {
    std::vector<std::string> words;
    for (const auto& tap : run.taps) {
      words.push_back(shell_word(tap));
    }
    ShellCommand command{run.command, {}, run.log};
    replace_all(command.line, "{taps}", fmt::format("{}", fmt::join(words, " ")));
    replace_all(command.line, "{out}", shell_word(run.out.string()));
    command.environment = {
        {"MFLUX_TAPS", fmt::format("{}", fmt::join(run.taps, "\n"))},
        {"MFLUX_CAPTURE", run.out.string()},
        {"MFLUX_SURVEY", run.is_survey ? "1" : ""}};
    with_context(fmt::format("the {} command", run.side), [&] { run_in_shell(command); });
  }

  void tell(const std::string& line) override {
    if (!session_.json && !session_.quiet) {
      fmt::print("{}\n", printable(line));
      std::fflush(stdout);
    }
  }

 private:
  const Session& session_;
};

std::string class_text(const parity::Found& found) {
  return found.module_class.empty() ? "" : fmt::format(" ({})", found.module_class);
}

/// What was found, in a few lines.
std::string describe(const Conclusion& end) {
  const auto& found = end.found;
  switch (end.kind) {
    case Conclusion::Kind::passes:
      return "PASS  nothing fails";
    case Conclusion::Kind::leaf:
      return fmt::format("FAIL  first bad module: {}{}", end.module, class_text(found));
    case Conclusion::Kind::own:
      return fmt::format(
          "FAIL  first bad module: {}{}, in its own forward: what runs inside it is right",
          end.module,
          class_text(found));
    case Conclusion::Kind::between:
      return fmt::format(
          "FAIL  first bad is what goes into {}{}: in the forward of {}, {}",
          end.module,
          class_text(found),
          found.owner,
          end.before.empty() ? "before anything else runs in it"
                             : fmt::format("between {} and {}", end.before, end.module));
    case Conclusion::Kind::unstable:
      break;
  }
  return {};
}

std::string details(const Conclusion& end) {
  const auto& found = end.found;
  std::string text = fmt::format("  {} ({}): {}", found.checkpoint, found.verdict, found.why);
  if (found.gain) {
    text += fmt::format("; gain {:.1e}", *found.gain);
  }
  return text;
}

std::vector<std::string> next_commands(const BisectFlags& flags, const Conclusion& end) {
  const auto run = shell_word(flags.run);
  if (end.kind == Conclusion::Kind::passes) {
    return {};
  }
  return {fmt::format("mflux parity diagnose {}", run), fmt::format("mflux parity report {}", run)};
}

Json to_json(const BisectFlags& flags, const parity::Bisected& result) {
  const auto& end = result.conclusion;
  const bool passes = end.kind == Conclusion::Kind::passes;
  Json rounds = Json::array();
  for (const auto& round : result.state.rounds) {
    rounds.push_back(
        {{"why", round.why},
         {"checkpoints", round.spots.size()},
         {"compared", round.compared},
         {"failing", round.failing},
         {"bytes", round.bytes},
         {"ref_seconds", round.ref_seconds},
         {"mlx_seconds", round.port_seconds},
         {"found", parity::to_json(round.found)}});
  }
  Json first = nullptr;
  if (!passes) {
    auto name = parity::parse_name(end.found.checkpoint);
    first = {
        {"name", parity::without_step(name)},
        {"step", name.step ? Json(*name.step) : Json(nullptr)},
        {"owner", end.found.owner}};
  }
  return {
      {"schema", 1},
      {"verdict", passes ? "PASS" : "FAIL"},
      {"first_divergence", std::move(first)},
      {"kind", parity::name_of(end.kind)},
      {"module", passes ? Json(nullptr) : Json(end.module)},
      {"between", end.before.empty() ? Json(nullptr) : Json({end.before, end.module})},
      {"found", passes ? Json(nullptr) : parity::to_json(std::optional(end.found))},
      {"rounds", std::move(rounds)},
      {"run", flags.run},
      {"next", next_commands(flags, end)}};
}

void print(const BisectFlags& flags, const parity::Bisected& result, const Session& session) {
  const auto& end = result.conclusion;
  if (session.json) {
    fmt::print("{}\n", to_json(flags, result).dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{}\n", printable(describe(end)));
  if (end.kind == Conclusion::Kind::passes) {
    return;
  }
  fmt::print("{}\n", printable(details(end)));
  for (const auto& next : next_commands(flags, end)) {
    fmt::print("next: {}\n", printable(next));
  }
}

Exit run_bisect(const BisectFlags& flags, const Session& session) {
  const auto path = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::filesystem::path>(text);
  };
  parity::BisectOptions options;
  options.run = flags.run;
  options.ref = flags.ref;
  options.port = flags.port;
  options.map = path(flags.map);
  options.tolerances = path(flags.tolerances);
  options.limits.bytes = flags.max_bytes;
  options.restart = flags.restart;
  options.keep = flags.keep;
  options.threads = flags.threads;
  ShellRunner runner(session);
  const auto result = parity::bisect(options, runner);
  if (result.conclusion.kind == Conclusion::Kind::unstable) {
    throw Error(fmt::format(
        "{} failed in one round and passed in the next: the commands do not give the same numbers "
        "each time; fix their seeds and inputs, then --restart",
        result.conclusion.module));
  }
  print(flags, result, session);
  return result.conclusion.kind == Conclusion::Kind::passes ? kSuccess : kAnswerIsNo;
}

constexpr const char* kFooter =
    "Each command is run by /bin/sh, again for every round. It finds what to dump in MFLUX_TAPS "
    "and\n"
    "where in MFLUX_CAPTURE; mflux_reference.Capture and `mflux ... --capture` heed both by\n"
    "themselves. {taps} and {out} in the command stand for the same (names in words of their "
    "own).\n"
    "The first run of each is a survey (MFLUX_SURVEY=1): it lists what there is.\n"
    "Example: mflux parity bisect debug_artifacts/vae --ref 'python reference.py' \\\n"
    "           --mlx 'mflux port run flux2-klein vae.decode --model emoji --inputs in.npz'\n"
    "         mflux parity bisect debug_artifacts/x --max-bytes 200MB \\\n"
    "           --ref 'python dump.py --taps {taps} --out {out}' --mlx './port {out} {taps}'\n"
    "RUN holds state.json (called again, it goes on), bisect.log, what the commands printed "
    "(ref.log,\n"
    "mlx.log) and the last round's dumps. Exit code: 0 all passes, 1 found, 2 a command failed, …";

} // namespace

void add_parity_bisect(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<BisectFlags>();
  CLI::App* command = parity.add_subcommand(
      "bisect", "Run both sides with narrower captures until the first bad module is known");
  command->add_option("RUN", flags->run, "Folder for all that is written")->required();
  command->add_option("--ref", flags->ref, "Command that runs the reference")->required();
  command->add_option("--mlx,--port", flags->port, "Command that runs the port")->required();
  command
      ->add_option(
          "--max-bytes", flags->max_bytes, "Most that both dumps of a round take (500MB, 2GB)")
      ->transform(CLI::AsSizeValue(true))
      ->default_str("1GiB");
  command->add_flag("--keep", flags->keep, "Keep every round's dumps, in RUN/rounds");
  command->add_flag("--restart", flags->restart, "Forget what an earlier call found");
  command->add_option("--map", flags->map, "map.toml, as for compare");
  command->add_option("--tolerances", flags->tolerances, "parity.toml instead of the folders' own");
  add_threads(*command, flags->threads);
  command->footer(kFooter);
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_bisect(*flags, session); };
  });
}

} // namespace mflux::cli
