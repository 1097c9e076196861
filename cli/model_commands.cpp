#include "cli/command.h"

namespace mflux::cli {

void add_model_commands(CLI::App& app, Session& session) {
  add_generate(app, session);
  add_info(app, session);
  add_port(app, session);
  add_weights(app, session);
}

} // namespace mflux::cli
