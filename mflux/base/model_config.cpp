#include "mflux/base/model_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/log.h"

namespace mflux {
namespace {

std::string shortened(const std::string& key) {
  constexpr size_t kMost = 60;
  if (key.size() <= kMost) {
    return key;
  }
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xc0) == 0x80) {
    --end; // not within a character
  }
  return key.substr(0, end) + "…";
}

/// transformers writes "architectures" where diffusers writes "_class_name".
std::optional<std::string> class_of(JsonReader& reader, const Json& json) {
  if (auto name = reader.maybe<std::string>("_class_name")) {
    return name;
  }
  const auto list = json.find("architectures");
  reader.ignore("architectures");
  if (list == json.end()) {
    return std::nullopt;
  }
  const bool is_named = list->is_array() && !list->empty() && list->front().is_string();
  return is_named ? list->front().get<std::string>() : "model of transformers";
}

} // namespace

ModelConfig::ModelConfig(const Json& json, std::string where, std::vector<std::string> classes)
    : json_(&json), where_(std::move(where)), classes_(std::move(classes)), reader_(json, where_) {
  name_ = class_of(reader_, json);
  if (name_ && std::find(classes_.begin(), classes_.end(), *name_) == classes_.end()) {
    fail(fmt::format(
        "this is the config of a {}, expected {}", shortened(*name_), fmt::join(classes_, " or ")));
  }
}

void ModelConfig::fail(const std::string& what) const {
  throw Error(fmt::format("{}: {}", where_, what));
}

void ModelConfig::range(const std::string& key, int value, int least, int most) const {
  if (value < least || value > most) {
    fail(fmt::format("{} is {}, expected {} to {}", key, value, least, most));
  }
}

void ModelConfig::same(
    const std::string& key, const std::string& value, const std::string& only) const {
  if (value != only) {
    fail(fmt::format("{} is \"{}\", but only \"{}\" is implemented", key, value, only));
  }
}

void ModelConfig::report_unknown() const {
  constexpr size_t kMostNamed = 10;
  const auto keys = reader_.unknown_keys();
  if (keys.empty()) {
    return;
  }
  const auto own =
      std::count_if(json_->items().begin(), json_->items().end(), [](const auto& item) {
        return !item.key().starts_with('_');
      });
  if (!name_ && keys.size() == static_cast<size_t>(own)) {
    fail(fmt::format("none of its keys is one of an {}'s", classes_.front()));
  }
  std::string text;
  for (size_t i = 0; i < std::min(keys.size(), kMostNamed); ++i) {
    text += fmt::format("{}\"{}\"", i ? ", " : "", shortened(keys[i]));
  }
  if (keys.size() > kMostNamed) {
    text += fmt::format(" and {} more", keys.size() - kMostNamed);
  }
  const bool is_one = keys.size() == 1;
  log(LogLevel::warning,
      fmt::format(
          "{}: the key{} {} {} unknown", where_, is_one ? "" : "s", text, is_one ? "is" : "are"));
}

} // namespace mflux
