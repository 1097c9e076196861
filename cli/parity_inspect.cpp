#include <fmt/format.h>

#include <memory>

#include "cli/parity_commands.h"
#include "mflux/parity/inspect.h"

namespace mflux::cli {
namespace {

struct InspectFlags {
  std::vector<std::string> files;
  int threads = 0;
};

Exit run_inspect(const InspectFlags& flags, const Session& session) {
  std::vector<parity::InspectedFile> files;
  for (const auto& file : flags.files) {
    files.push_back(parity::inspect(file, flags.threads));
  }
  if (session.json) {
    fmt::print("{}\n", parity::to_json(files));
    return kSuccess;
  }
  for (const auto& file : files) {
    fmt::print("{}", parity::format_inspection(file, session.color()));
  }
  return kSuccess;
}

} // namespace

void add_parity_inspect(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = parity.add_subcommand(
      "inspect",
      "List the tensors of files: shape, dtype and effective dtype, range, first values");
  command
      ->add_option(
          "FILE", flags->files, ".npy, .npz, .safetensors, .pt (torch.save), or a folder of them")
      ->required();
  add_threads(*command, flags->threads);
  command->footer("Example: mflux parity inspect debug_artifacts/demo/ref latents.npy");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_inspect(*flags, session); };
  });
}

} // namespace mflux::cli
