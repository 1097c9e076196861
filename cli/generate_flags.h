#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/capture_flags.h"
#include "cli/command.h"

namespace mflux::cli {

/// What `mflux generate` was told.
struct GenerateFlags {
  std::string model = "emoji";
  std::optional<std::string> prompt, negative_prompt;
  std::string prompt_file; ///< "-" is standard input
  std::optional<int> width, height, steps, max_sequence_length, auto_seeds;
  std::optional<double> guidance;
  std::vector<std::string> seeds;
  std::string image; ///< PATH[:STRENGTH]
  std::vector<std::filesystem::path> references;
  std::string latents; ///< FILE[#name]
  std::vector<double> sigmas;
  std::string scheduler, dtype;
  std::filesystem::path output, stepwise;
  CaptureFlags capture;
  bool writes_sidecar = false;
  bool frees_text_encoder = false;
};

/// Adds them all to `command`.
void add_generate_flags(CLI::App& command, GenerateFlags& flags, Session& session);

/// Throws Error for flags that contradict each other or that no model honours.
void check_generate_flags(const GenerateFlags& flags);

/// The seeds that were asked for, in order, or a random one. Throws Error for what is no number
/// from 0 to 2^64 − 1 and for a seed given twice.
std::vector<uint64_t> seeds_of(const GenerateFlags& flags);

} // namespace mflux::cli
