#pragma once

#include "cli/command.h"
#include "mflux/base/json.h"

namespace mflux::cli {

// The subcommands of `mflux weights`.
void add_weights_check(CLI::App& weights, Session& session);
void add_weights_diff(CLI::App& weights, Session& session);

/// Prints a line of JSON; names and paths may hold any bytes.
void print_json(const Json& json);

} // namespace mflux::cli
