#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mflux {

/// Keys keep the file's order.
using Json = nlohmann::ordered_json;

/// What nlohmann::json complains of, without its own name and number in front.
std::string problem_of(const nlohmann::json::exception& error);

/// JSON has no NaN and no infinity: null.
Json number_or_null(double value);

/// Parses JSON strictly: duplicate keys, trailing text, comments, NaN, bad UTF-8 and nesting beyond
/// 100 levels are errors. Throws Error.
Json parse_json(std::string_view text);

/// The same, but the values of the object at `path` (keys from the document down) are handed to
/// `take` and not kept: Json finds keys by walking along them, which 150,000 of them do not allow.
/// An object or a list among them is an error.
Json parse_json(
    std::string_view text,
    const std::vector<std::string>& path,
    const std::function<void(const std::string& key, const Json& value)>& take);

/// The same for a file; errors name it.
Json read_json(const std::filesystem::path& path);

/// Typed reading of one JSON object: wrong types are errors that name the key, keys that nobody
/// asked for can be listed afterwards. `where` names the object in errors ("vae/config.json").
class JsonReader {
 public:
  JsonReader(const Json& object, std::string where);

  bool has(std::string_view key) const;

  /// The value of `key`, or `fallback` when the key is absent. Throws Error on another type and on
  /// numbers that do not fit. T: bool, int, double,
  /// std::string, and vectors of int or std::string.
  template <typename T>
  T get(std::string_view key, T fallback);

  /// The same, but an absent key is an error.
  template <typename T>
  T require(std::string_view key);

  /// Null or absent gives nothing.
  template <typename T>
  std::optional<T> maybe(std::string_view key);

  /// Marks `key` as known without reading it.
  void ignore(std::string_view key);

  /// Keys that were neither read nor ignored, without those starting with '_'.
  std::vector<std::string> unknown_keys() const;

 private:
  const Json* find(std::string_view key);

  const Json* object_;
  std::string where_;
  std::vector<std::string> known_;
};

} // namespace mflux
