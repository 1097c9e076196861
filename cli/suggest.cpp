#include "cli/suggest.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"

namespace mflux::cli {
namespace {

/// The deepest subcommand that the command line reached.
const CLI::App& reached(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : reached(*parsed.front());
}

std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  for (const CLI::App* at = &app; at; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const auto& name : option->get_lnames()) {
        words.push_back("--" + name);
      }
    }
  }
  return words;
}

} // namespace

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = reached(app);
  std::string name = command.get_name();
  for (const CLI::App* at = command.get_parent(); at; at = at->get_parent()) {
    name = at->get_name() + " " + name;
  }
  std::string seen = printable(error.what());
  const auto rest = app.remaining(true);
  if (!rest.empty()) {
    const auto word = rest.front().substr(0, rest.front().find('='));
    seen = fmt::format("{} does not know \"{}\"", name, printable(word));
    if (const auto match = nearest(word, words_of(command)); !match.empty()) {
      seen += fmt::format("; did you mean {}?", match);
    }
  }
  return fmt::format("{} (see {} --help)", seen, name);
}

} // namespace mflux::cli
