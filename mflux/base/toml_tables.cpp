#include "mflux/base/toml_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"

namespace mflux {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

toml::table parse(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMaxBytes);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format(
        "{}: line {}: not valid TOML: {}",
        path.string(),
        error.source().begin.line,
        error.description()));
  }
}

void check_keys(
    const toml::table& table,
    const std::vector<std::string_view>& keys,
    const std::vector<std::string_view>& optional) {
  const auto holds = [](const std::vector<std::string_view>& list, std::string_view key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  for (const auto& entry : table) {
    if (!holds(keys, entry.first.str()) && !holds(optional, entry.first.str())) {
      throw Error(
          fmt::format("unknown key \"{}\", expected {}", entry.first.str(), fmt::join(keys, ", ")));
    }
  }
  for (const auto key : keys) {
    if (!table.contains(key)) {
      throw Error(fmt::format("\"{}\" is missing, expected {}", key, fmt::join(keys, ", ")));
    }
  }
}

} // namespace

void for_each_table(
    const std::filesystem::path& path,
    std::string_view name,
    const std::vector<std::string_view>& keys,
    const std::function<void(const toml::table&)>& visit,
    const std::vector<std::string_view>& optional) {
  const toml::table file = parse(path);
  const toml::node* node = file.get(name);
  if (node == nullptr) {
    throw Error(fmt::format("{}: holds no [[{}]] table", path.string(), name));
  }
  if (!node->is_array()) {
    throw Error(fmt::format(
        "{}: line {}: expected [[{}]] tables", path.string(), node->source().begin.line, name));
  }
  for (const auto& element : *node->as_array()) {
    with_context(fmt::format("{}: line {}", path.string(), element.source().begin.line), [&] {
      const toml::table* table = element.as_table();
      if (table == nullptr) {
        throw Error(fmt::format("expected [[{}]] tables", name));
      }
      check_keys(*table, keys, optional);
      visit(*table);
    });
  }
}

std::string text_of(const toml::table& table, std::string_view key) {
  const auto value = table[key].value<std::string>();
  if (!value || value->empty()) {
    throw Error(fmt::format("{} must be a text that is not empty", key));
  }
  return *value;
}

} // namespace mflux
