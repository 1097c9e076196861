#include "cli/option_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "mflux/base/error.h"

namespace mflux::cli {
namespace {

CLI::Validator expecting(const std::string& what, std::function<bool(const std::string&)> holds) {
  return CLI::Validator(
      [what, holds = std::move(holds)](std::string& text) {
        return holds(text) ? std::string()
                           : fmt::format("expected {}, got {}", what, printable(text));
      },
      std::string());
}

bool is_number(const std::string& text, const std::function<bool(double)>& holds) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && std::isfinite(value) && holds(value);
}

bool is_whole(const std::string& text, size_t most_digits) {
  return !text.empty() && text.size() <= most_digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

CLI::Validator above_zero() {
  return expecting("a number above 0", [](const std::string& text) {
    return is_number(text, [](double value) { return value > 0; });
  });
}

CLI::Validator zero_or_more() {
  return expecting("0 or a number above it", [](const std::string& text) {
    return is_number(text, [](double value) { return value >= 0; });
  });
}

CLI::Validator whole_above_zero() {
  return expecting("a whole number above 0", [](const std::string& text) {
    return is_whole(text, 18) && text.find_first_not_of('0') != std::string::npos;
  });
}

CLI::Validator whole_or_zero() {
  return expecting(
      "0 or a whole number above it", [](const std::string& text) { return is_whole(text, 9); });
}

CLI::Option* add_repeatable(
    CLI::App& command,
    const std::string& name,
    std::vector<std::string>& values,
    const std::string& description) {
  return command.add_option(name, values, description)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

} // namespace mflux::cli
