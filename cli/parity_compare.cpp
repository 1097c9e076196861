#include <fmt/format.h>

#include <memory>

#include "cli/parity_commands.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"

namespace mflux::cli {
namespace {

struct CompareFlags {
  std::string first, second, map, tolerances, ref32;
  std::vector<std::string> allow_missing;
  bool all = false, quiet = false;
  double max_ratio = parity::kMaxRatio;
  int threads = 0;
};

Exit run_compare(const CompareFlags& flags, const Session& session) {
  parity::CompareOptions options;
  options.ref = flags.first;
  options.allow_missing = flags.allow_missing;
  options.threads = flags.threads;
  if (!flags.second.empty()) {
    options.port = flags.second;
  }
  if (!flags.map.empty()) {
    options.map = flags.map;
  }
  if (!flags.tolerances.empty()) {
    options.tolerances = flags.tolerances;
  }
  if (!flags.ref32.empty()) {
    options.ref32 = flags.ref32;
  }
  options.max_ratio = flags.max_ratio;
  const auto result = parity::compare(options);
  if (session.json) {
    fmt::print("{}\n", parity::to_json(result));
  } else if (flags.quiet) {
    fmt::print("{}", parity::format_verdict(result, session.color()));
  } else {
    fmt::print("{}", parity::format_table(result, {session.color(), flags.all}));
  }
  return result.verdict == parity::Verdict::pass ? kSuccess : kAnswerIsNo;
}

} // namespace

void add_parity_compare(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = parity.add_subcommand(
      "compare",
      "Compare the dump of a port with its reference's: table, first divergence, verdict");
  command->add_option("RUN_OR_REF", flags->first, "Run folder with ref/ and mlx/, or the reference")
      ->required();
  command->add_option("MLX", flags->second, "The port's dump: a file or a folder");
  command->add_option("--map", flags->map, "map.toml: how the port's names become the reference's");
  command->add_option("--tolerances", flags->tolerances, "parity.toml instead of the folders' own");
  command->add_option(
      "--ref32",
      flags->ref32,
      "The reference again in float32 (float64 beside a float32 one), instead of RUN/ref32");
  command
      ->add_option(
          "--max-ratio",
          flags->max_ratio,
          "With ref32: how many times the reference's own error the port's may be")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--allow-missing", flags->allow_missing, "Checkpoints (glob) that the port may lack")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--all", flags->all, "List every checkpoint, however many pass");
  command->add_flag("--quiet,-q", flags->quiet, "Print the verdict line only");
  add_threads(*command, flags->threads);
  command->footer(
      "Example: mflux parity compare ref.npz mlx.npz\n"
      "         mflux parity compare debug_artifacts/demo --allow-missing 'vae.encode*'\n"
      "Exit code: 0 all pass, 1 they do not, 2 unreadable.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_compare(*flags, session); };
  });
}

} // namespace mflux::cli
