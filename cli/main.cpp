#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string_view>

#include "cli/command.h"
#include "cli/signals.h"
#include "cli/suggest.h"
#include "mflux/base/error.h"
#include "mflux/base/log.h"

namespace mflux::cli {

bool Session::color() const {
  const char* wish = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = !terminal || std::string_view(terminal) == "dumb";
  return !json && !no_color && !(wish && *wish) && !is_dumb && isatty(STDOUT_FILENO);
}

namespace {

/// Where standard error is closed or full there is nobody to tell.
void complain(const std::string& message) {
  std::fputs(fmt::format("mflux: {}\n", message).c_str(), stderr);
}

void add_global_flags(CLI::App& app, Session& session) {
  app.add_option("--device", session.device, "Where MLX computes")
      ->check(CLI::IsMember({"cpu", "gpu"}));
  app.add_flag("--json", session.json, "Print one JSON object instead of text");
  app.add_flag("-q,--quiet", session.quiet, "Print results and errors only");
  app.add_flag("-v,--verbose", session.verbose, "Print remarks of the library too");
  app.add_flag("--no-color", session.no_color, "No colours (the NO_COLOR variable works too)");
}

Exit run(Session& session) {
  set_log_sink([&](LogLevel level, const std::string& message) {
    if (session.verbose || (level == LogLevel::warning && !session.quiet)) {
      complain(printable(message));
    }
  });
  try {
    return session.work();
  } catch (const std::bad_alloc&) {
    complain("out of memory");
    return kDevice;
  } catch (const std::exception& error) {
    complain(one_line(error));
    return kUsage;
  }
}

/// Help of a subcommand lists its own flags only; this line tells of the others.
void mention_global_flags(CLI::App& app) {
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    sub->footer(
        sub->get_footer() +
        "\nEverywhere: --device, --json, --quiet, --verbose, --no-color (mflux --help)");
    mention_global_flags(*sub);
  }
}

/// An option that was given an empty value: usually an unset variable of a shell.
std::string empty_option(const CLI::App& app, const std::vector<const CLI::Option*>& allowed) {
  for (const CLI::Option* option : app.get_options()) {
    if (std::find(allowed.begin(), allowed.end(), option) != allowed.end()) {
      continue;
    }
    for (const auto& value : option->results()) {
      if (value.empty()) {
        return option->get_name();
      }
    }
  }
  for (const CLI::App* sub : app.get_subcommands()) {
    if (const auto name = empty_option(*sub, allowed); !name.empty()) {
      return name;
    }
  }
  return {};
}

int check_output(int code) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) || !std::cout) {
    complain("cannot write to standard output");
    return kUsage;
  }
  return code;
}

int main(int argc, char** argv) {
  handle_signals();
  CLI::App app{"mflux: generative image models on MLX, ported with proof", "mflux"};
  Session session;
  app.set_version_flag("--version", MFLUX_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  add_global_flags(app, session);
  add_parity(app, session);
  add_tokenize(app, session);
  add_model_commands(app, session);
  mention_global_flags(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return check_output(app.exit(error));
    }
    complain(explain(app, error));
    return kUsage;
  }
  if (const auto option = empty_option(app, session.may_be_empty); !option.empty()) {
    complain(option + " was given an empty value");
    return kUsage;
  }
  return check_output(run(session));
}

} // namespace
} // namespace mflux::cli

int main(int argc, char** argv) {
  return mflux::cli::main(argc, argv);
}
