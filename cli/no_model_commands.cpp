#include "cli/command.h"

namespace mflux::cli {

void add_model_commands(CLI::App&, Session&) {}

} // namespace mflux::cli
