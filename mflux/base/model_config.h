#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux {

/// What the readers of config.json files share. Every error names the file, `where`.
class ModelConfig {
 public:
  /// `classes` are the reference's classes whose config this may be. Throws Error when the file
  /// says that it is another's: by diffusers' "_class_name" or transformers' "architectures".
  ModelConfig(const Json& json, std::string where, std::vector<std::string> classes);

  JsonReader& reader() {
    return reader_;
  }

  const std::string& where() const {
    return where_;
  }

  /// The class that the file names, one of the constructor's.
  const std::optional<std::string>& class_name() const {
    return name_;
  }

  [[noreturn]] void fail(const std::string& what) const;

  /// Throws Error unless least <= value <= most.
  void range(const std::string& key, int value, int least, int most) const;

  /// Throws Error unless value is `only`, all that is implemented.
  void same(const std::string& key, const std::string& value, const std::string& only) const;

  /// Logs one warning for all keys that nobody read. Throws Error when there are no others and no
  /// class is named: it is another model's config.
  void report_unknown() const;

 private:
  const Json* json_;
  std::string where_;
  std::vector<std::string> classes_;
  JsonReader reader_;
  std::optional<std::string> name_;
};

/// What `parse`(json, file's name) makes of a component's folder's config.json. Throws Error.
template <typename Parse>
auto read_config(const std::filesystem::path& folder, Parse parse) {
  const auto file = folder / "config.json";
  return parse(read_json(file), file.string());
}

} // namespace mflux
