#include "cli/compare_flags.h"

#include "cli/option_checks.h"
#include "cli/parity_commands.h"

namespace mflux::cli {

void add_judging_flags(CLI::App& command, CompareFlags& flags) {
  command.add_option("--map", flags.map, "map.toml: how the port's names become the reference's");
  command.add_option("--tolerances", flags.tolerances, "parity.toml instead of the folders' own");
  command.add_option(
      "--ref32",
      flags.ref32,
      "The reference again in float32 (float64 beside a float32 one), instead of RUN/ref32");
  command
      .add_option(
          "--max-ratio",
          flags.max_ratio,
          "With ref32: how many times the reference's own error the port's may be")
      ->capture_default_str()
      ->check(above_zero());
  add_threads(command, flags.threads);
}

void add_compare_flags(CLI::App& command, CompareFlags& flags) {
  command.add_option("RUN_OR_REF", flags.first, "Run folder with ref/ and mlx/, or the reference")
      ->required();
  command.add_option("MLX", flags.second, "The port's dump: a file or a folder");
  add_judging_flags(command, flags);
  add_repeatable(
      command,
      "--allow-missing",
      flags.allow_missing,
      "Checkpoints (glob) that the port may lack; may be given again");
}

parity::CompareOptions options_of(const CompareFlags& flags) {
  parity::CompareOptions options;
  options.ref = flags.first;
  options.allow_missing = flags.allow_missing;
  options.threads = flags.threads;
  options.max_ratio = flags.max_ratio;
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
  return options;
}

Exit exit_of(const parity::Comparison& comparison) {
  return comparison.verdict == parity::Verdict::pass ? kSuccess : kAnswerIsNo;
}

} // namespace mflux::cli
