#pragma once

#include "cli/command.h"

namespace mflux::cli {

// The verbs of `mflux port` beside run.
void add_port_status(CLI::App& port, Session& session);
void add_port_record(CLI::App& port, Session& session);

} // namespace mflux::cli
