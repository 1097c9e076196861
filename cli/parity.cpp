#include "cli/command.h"

namespace mflux::cli {

void add_parity(CLI::App& app, Session&) {
  app.add_subcommand("parity", "Compare dumps of a reference and a port")->require_subcommand(1);
}

} // namespace mflux::cli
