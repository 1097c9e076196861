#include "cli/command.h"

namespace mflux::cli {

void add_port(CLI::App& app, Session&) {
  app.add_subcommand("port", "Prove a port component by component")->require_subcommand(1);
}

} // namespace mflux::cli
