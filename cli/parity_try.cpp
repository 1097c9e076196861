#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

#include "cli/compare_flags.h"
#include "cli/option_checks.h"
#include "cli/parity_commands.h"
#include "mflux/base/error.h"
#include "mflux/parity/output/trial_output.h"
#include "mflux/parity/transforms/trial.h"

namespace mflux::cli {
namespace {

struct TryFlags {
  std::array<std::string, 4> positionals;
  CompareFlags compare;
  std::string chain, side = "port";
  std::vector<std::string> names;
};

/// The flags, with what the positionals stand for: RUN or REF, then MLX, the checkpoint and the
/// transform, each only where it is given and no flag says it.
TryFlags with_positionals(TryFlags flags) {
  std::vector<std::string> rest;
  std::copy_if(
      flags.positionals.begin(),
      flags.positionals.end(),
      std::back_inserter(rest),
      [](const std::string& text) { return !text.empty(); });
  const auto is_path = [](const std::string& text) {
    std::error_code ignored;
    return std::filesystem::exists(text, ignored);
  };
  if (flags.chain.empty()) {
    if (rest.size() < 2 || is_path(rest.back())) {
      throw Error("expected a transform: mflux parity try RUN CHECKPOINT 'permute 0,2,1'");
    }
    flags.chain = rest.back();
    rest.pop_back();
  }
  const bool is_run = is_path((std::filesystem::path(rest.front()) / "ref").string());
  if (rest.size() > 1 && !is_run) {
    flags.compare.second = rest[1];
    rest.erase(rest.begin() + 1);
  }
  flags.compare.first = rest.front();
  flags.names.insert(flags.names.end(), rest.begin() + 1, rest.end());
  return flags;
}

Exit run_try(const TryFlags& given, const Session& session) {
  const TryFlags flags = with_positionals(given);
  parity::TrialOptions options;
  options.chain = with_context("the transform", [&] { return parity::parse_chain(flags.chain); });
  options.side = flags.side == "ref" ? parity::Side::ref : parity::Side::port;
  options.names = flags.names;
  options.compare = options_of(flags.compare);
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
    "Example: mflux parity try RUN transformer.blocks.0.attn 'permute 0,2,1,3 | reshape 1,64,-1'\n"
    "         mflux parity try ref.npy mlx.npy 'rope interleaved->half,64'\n"
    "         mflux parity try RUN --checkpoint 'vae.*' --side ref --transform 'cast bfloat16'\n"
    "Exit code: 0 all pass after it, 1 they do not, 2 bad input.";

} // namespace

void add_parity_try(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<TryFlags>();
  CLI::App* command = parity.add_subcommand(
      "try", "Transform one side's tensors and score them again: before and after");
  auto& [first, second, third, fourth] = flags->positionals;
  command->add_option("RUN_OR_REF", first, "Run folder with ref/ and mlx/, or the reference")
      ->required();
  command->add_option("MLX", second, "The port's dump: a file or a folder; not with a run folder");
  command->add_option("CHECKPOINT", third, "Which (glob); needless where there is only one");
  command->add_option("TRANSFORM", fourth, "What to apply, see below; always the last");
  add_repeatable(
      *command, "--checkpoint", flags->names, "Which (glob), again for more, or instead of it");
  command->add_option("--transform", flags->chain, "What to apply, instead of the last argument");
  command->add_option("--side", flags->side, "Whose tensor is transformed")
      ->check(CLI::IsMember({"port", "ref"}))
      ->capture_default_str();
  add_judging_flags(*command, flags->compare);
  command->footer(kFooter);
  command->callback(
      [flags, &session] { session.work = [flags, &session] { return run_try(*flags, session); }; });
}

} // namespace mflux::cli
