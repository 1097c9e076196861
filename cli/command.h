#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace mflux::cli {

/// Exit codes of every command.
enum Exit : int { kSuccess = 0, kAnswerIsNo = 1, kUsage = 2, kDevice = 3, kInterrupted = 130 };

/// What the command line chose: the flags every command has, and the work to do after parsing.
struct Session {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_color = false;
  std::string device;
  std::vector<const CLI::Option*> may_be_empty; ///< options for which "" is a value like others
  std::function<Exit()> work;

  /// Whether to colour what goes to standard output: a terminal, no --no-color, no NO_COLOR.
  bool color() const;
};

// One function per command file; each adds its subcommand, whose callback sets session.work.
void add_parity(CLI::App& app, Session& session);
void add_port(CLI::App& app, Session& session);
void add_tokenize(CLI::App& app, Session& session);
void add_generate(CLI::App& app, Session& session);
void add_info(CLI::App& app, Session& session);
void add_weights(CLI::App& app, Session& session);

/// All commands that need MLX; none in a build without it (-DMFLUX_WITH_MLX=OFF).
void add_model_commands(CLI::App& app, Session& session);

} // namespace mflux::cli
