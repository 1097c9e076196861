#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/parity_commands.h"
#include "mflux/parity/inspect.h"

namespace mflux::cli {
namespace {

struct InspectFlags {
  std::vector<std::string> files;
  int threads = 0;
};

/// The dumps of a run folder, else the file or folder itself.
std::vector<std::filesystem::path> places_of(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> places;
  for (const char* side : {"ref", "ref32", "mlx"}) {
    if (std::filesystem::is_directory(path / side)) {
      places.push_back(path / side);
    }
  }
  return places.empty() ? std::vector{path} : places;
}

Exit run_inspect(const InspectFlags& flags, const Session& session) {
  std::vector<parity::InspectedFile> files;
  for (const auto& file : flags.files) {
    for (const auto& place : places_of(file)) {
      files.push_back(parity::inspect(place, flags.threads));
    }
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
          "FILE",
          flags->files,
          ".npy, .npz, .safetensors, .pt (torch.save), .png, .jpg, a folder of them, or a run")
      ->required();
  add_threads(*command, flags->threads);
  command->footer("Example: mflux parity inspect debug_artifacts/demo/ref latents.npy");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_inspect(*flags, session); };
  });
}

} // namespace mflux::cli
