#include <fmt/format.h>

#include <memory>

#include "cli/parity_commands.h"
#include "mflux/parity/output/trial_output.h"
#include "mflux/parity/transforms/trial.h"

namespace mflux::cli {
namespace {

struct TryFlags {
  std::string first, second, map, tolerances, ref32, chain, side = "port";
  std::vector<std::string> names;
  double max_ratio = parity::kMaxRatio;
  int threads = 0;
};

Exit run_try(const TryFlags& flags, const Session& session) {
  const auto path = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::filesystem::path>(text);
  };
  parity::TrialOptions options;
  options.chain = with_context("--transform", [&] { return parity::parse_chain(flags.chain); });
  options.side = flags.side == "ref" ? parity::Side::ref : parity::Side::port;
  options.names = flags.names;
  options.compare.ref = flags.first;
  options.compare.port = path(flags.second);
  options.compare.map = path(flags.map);
  options.compare.tolerances = path(flags.tolerances);
  options.compare.ref32 = path(flags.ref32);
  options.compare.max_ratio = flags.max_ratio;
  options.compare.threads = flags.threads;
  const auto trial = parity::try_transforms(options);
  if (session.json) {
    fmt::print("{}\n", parity::to_json(trial));
  } else {
    fmt::print("{}", parity::format_trial(trial, session.color()));
  }
  return trial.verdict == parity::Verdict::pass ? kSuccess : kAnswerIsNo;
}

constexpr const char* kFooter =
    "Transforms, applied from left to right, with | between them:\n"
    "  permute 0,2,1,3       transpose AXIS,AXIS    reshape 1,64,-1,48\n"
    "  flip AXIS             roll AXIS,SHIFT        slice AXIS,begin,end[,step]\n"
    "  swap_halves [AXIS]    scale C                add C\n"
    "  negate                cast DTYPE             rope interleaved->half[,HEAD_DIM[,AXIS]]\n"
    "                                               rope half->interleaved[,HEAD_DIM[,AXIS]]\n"
    "Example: mflux parity try RUN --checkpoint transformer.blocks.0.attn --transform 'permute "
    "0,2,1,3 | reshape 1,64,-1'\n"
    "         mflux parity try ref.npy mlx.npy --transform 'rope interleaved->half,64'\n"
    "         mflux parity try RUN --checkpoint 'vae.*' --side ref --transform 'cast bfloat16'\n"
    "Exit code: 0 all pass after it, 1 they do not, 2 bad input.";

} // namespace

void add_parity_try(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<TryFlags>();
  CLI::App* command = parity.add_subcommand(
      "try", "Transform one side's tensors and score them again: before and after");
  command->add_option("RUN_OR_REF", flags->first, "Run folder with ref/ and mlx/, or the reference")
      ->required();
  command->add_option("MLX", flags->second, "The port's dump: a file or a folder");
  command
      ->add_option("--checkpoint", flags->names, "Which (glob); needless where there is only one")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--transform", flags->chain, "What to apply, see below")->required();
  session.may_be_empty.push_back(command->get_option("--transform")); // has its own answer
  command->add_option("--side", flags->side, "Whose tensor is transformed")
      ->check(CLI::IsMember({"port", "ref"}))
      ->capture_default_str();
  command->add_option("--map", flags->map, "map.toml, as for compare");
  command->add_option("--tolerances", flags->tolerances, "parity.toml instead of the folders' own");
  command->add_option("--ref32", flags->ref32, "As for compare, instead of RUN/ref32");
  command->add_option("--max-ratio", flags->max_ratio, "With ref32, as for compare")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  add_threads(*command, flags->threads);
  command->footer(kFooter);
  command->callback(
      [flags, &session] { session.work = [flags, &session] { return run_try(*flags, session); }; });
}

} // namespace mflux::cli
