#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace mflux::cli {

// One function per file cli/parity_<command>.cpp; each adds a subcommand of `mflux parity`.
void add_parity_bisect(CLI::App& parity, Session& session);
void add_parity_compare(CLI::App& parity, Session& session);
void add_parity_diagnose(CLI::App& parity, Session& session);
void add_parity_image(CLI::App& parity, Session& session);
void add_parity_inspect(CLI::App& parity, Session& session);
void add_parity_ls(CLI::App& parity, Session& session);
void add_parity_lock(CLI::App& parity, Session& session);
void add_parity_clean(CLI::App& parity, Session& session);
void add_parity_try(CLI::App& parity, Session& session);
void add_parity_report(CLI::App& parity, Session& session);

/// The flag --threads of the commands that read tensors.
void add_threads(CLI::App& command, int& threads);

} // namespace mflux::cli
