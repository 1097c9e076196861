#include "cli/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "mflux/base/error.h"

namespace mflux::cli {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

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

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    if (const size_t distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

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
