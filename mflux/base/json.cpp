#include "mflux/base/json.h"

#include <fmt/format.h>
#include <cmath>

#include <algorithm>
#include <limits>
#include <set>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"

namespace mflux {
namespace {

constexpr int kMaxDepth = 100;

/// Watches a parse for what nlohmann::json lets pass: duplicate keys and unbounded nesting.
class StrictRules {
 public:
  void operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > kMaxDepth) {
      throw Error(fmt::format("nested more than {} levels deep", kMaxDepth));
    }
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        throw Error(fmt::format("the key \"{}\" stands twice in one object", key));
      }
    }
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

/// Hands out the values of the object at a path while it is parsed, instead of storing them.
class MemberTaker {
 public:
  MemberTaker(
      const std::vector<std::string>& path,
      const std::function<void(const std::string&, const Json&)>& take)
      : path_(path), take_(take) {}

  /// Whether to store what was parsed.
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<size_t>(depth);
    if (event == Json::parse_event_t::key) {
      keys_.resize(level);
      keys_[level - 1] = parsed.get<std::string>();
      return !is_member(level);
    }
    if (keys_.size() < level || !is_member(level)) {
      return true;
    }
    if (event != Json::parse_event_t::value) {
      throw Error(fmt::format("\"{}\" holds an object or a list", keys_[level - 1]));
    }
    take_(keys_[level - 1], parsed);
    return true;
  }

 private:
  /// Whether a key at `level` stands in the wanted object.
  bool is_member(size_t level) const {
    return level == path_.size() + 1 && std::equal(path_.begin(), path_.end(), keys_.begin());
  }

  const std::vector<std::string>& path_;
  const std::function<void(const std::string&, const Json&)>& take_;
  std::vector<std::string> keys_;
};

template <typename Keep>
Json parse_with(std::string_view text, Keep&& keep) {
  if (text.find('\0') != text.npos) {
    throw Error("not valid JSON: it holds a NUL byte"); // where nlohmann::json would stop reading
  }
  try {
    StrictRules rules;
    return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
      rules(depth, event, parsed);
      return keep(depth, event, parsed);
    });
  } catch (const Json::exception& error) {
    throw Error(fmt::format("not valid JSON: {}", problem_of(error)));
  }
}

/// `value` as an error quotes it.
std::string shown(const Json& value) {
  const std::string text = value.dump();
  return text.size() <= 60 ? text : text.substr(0, 57) + "…";
}

template <typename T>
T convert(const Json& value, const std::string& where);

template <>
bool convert<bool>(const Json& value, const std::string& where) {
  if (!value.is_boolean()) {
    throw Error(fmt::format("{} is {}, expected true or false", where, shown(value)));
  }
  return value.get<bool>();
}

template <>
int convert<int>(const Json& value, const std::string& where) {
  constexpr int64_t most = std::numeric_limits<int>::max();
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > most) ||
      value.get<int64_t>() > most || value.get<int64_t>() < -most) {
    throw Error(fmt::format("{} is {}, expected a 32-bit integer", where, shown(value)));
  }
  return value.get<int>();
}

template <>
double convert<double>(const Json& value, const std::string& where) {
  if (!value.is_number()) {
    throw Error(fmt::format("{} is {}, expected a number", where, shown(value)));
  }
  return value.get<double>();
}

template <>
std::string convert<std::string>(const Json& value, const std::string& where) {
  if (!value.is_string()) {
    throw Error(fmt::format("{} is {}, expected a string", where, shown(value)));
  }
  return value.get<std::string>();
}

template <typename T>
std::vector<T> convert_list(const Json& value, const std::string& where) {
  if (!value.is_array()) {
    throw Error(fmt::format("{} is {}, expected a list", where, shown(value)));
  }
  std::vector<T> out;
  for (const auto& element : value) {
    out.push_back(convert<T>(element, fmt::format("{}[{}]", where, out.size())));
  }
  return out;
}

template <>
std::vector<int> convert<std::vector<int>>(const Json& value, const std::string& where) {
  return convert_list<int>(value, where);
}

template <>
std::vector<std::string> convert<std::vector<std::string>>(
    const Json& value, const std::string& where) {
  return convert_list<std::string>(value, where);
}

} // namespace

std::string problem_of(const nlohmann::json::exception& error) {
  const std::string text = error.what(); // "[json.exception.parse_error.101] parse error at …"
  const auto end = text.starts_with('[') ? text.find("] ") : text.npos;
  const std::string problem = end == text.npos ? text : text.substr(end + 2);
  const auto where = problem.find(" at line "); // "parse error at line 1, column 2: syntax error …"
  const auto detail = problem.find(": ", where == problem.npos ? problem.size() : where);
  return detail == problem.npos ? problem : "an error" + problem.substr(where, detail - where);
}

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json parse_json(std::string_view text) {
  return parse_with(text, [](int, Json::parse_event_t, const Json&) { return true; });
}

Json parse_json(
    std::string_view text,
    const std::vector<std::string>& path,
    const std::function<void(const std::string& key, const Json& value)>& take) {
  MemberTaker taker(path, take);
  return parse_with(text, [&](int depth, Json::parse_event_t event, const Json& parsed) {
    return taker(depth, event, parsed);
  });
}

Json read_json(const std::filesystem::path& path) {
  const auto text = read_file(path);
  return with_context(path.string(), [&] { return parse_json(text); });
}

JsonReader::JsonReader(const Json& object, std::string where)
    : object_(&object), where_(std::move(where)) {
  if (!object.is_object()) {
    throw Error(fmt::format("{}: expected a JSON object, seen {}", where_, object.type_name()));
  }
}

const Json* JsonReader::find(std::string_view key) {
  known_.emplace_back(key);
  const auto found = object_->find(std::string(key));
  return found == object_->end() ? nullptr : &*found;
}

bool JsonReader::has(std::string_view key) const {
  return object_->contains(std::string(key));
}

void JsonReader::ignore(std::string_view key) {
  known_.emplace_back(key);
}

std::vector<std::string> JsonReader::unknown_keys() const {
  std::vector<std::string> out;
  for (const auto& item : object_->items()) {
    if (!item.key().starts_with('_') &&
        std::find(known_.begin(), known_.end(), item.key()) == known_.end()) {
      out.push_back(item.key());
    }
  }
  return out;
}

template <typename T>
std::optional<T> JsonReader::maybe(std::string_view key) {
  const Json* value = find(key);
  if (!value || value->is_null()) {
    return std::nullopt;
  }
  return convert<T>(*value, fmt::format("{}: {}", where_, key));
}

template <typename T>
T JsonReader::get(std::string_view key, T fallback) {
  const Json* value = find(key);
  return value ? convert<T>(*value, fmt::format("{}: {}", where_, key)) : std::move(fallback);
}

template <typename T>
T JsonReader::require(std::string_view key) {
  const Json* value = find(key);
  if (!value) {
    throw Error(fmt::format("{}: the key \"{}\" is missing", where_, key));
  }
  return convert<T>(*value, fmt::format("{}: {}", where_, key));
}

// The types that JSON files of this project hold.
template bool JsonReader::get(std::string_view, bool);
template int JsonReader::get(std::string_view, int);
template double JsonReader::get(std::string_view, double);
template std::string JsonReader::get(std::string_view, std::string);
template std::vector<int> JsonReader::get(std::string_view, std::vector<int>);
template std::vector<std::string> JsonReader::get(std::string_view, std::vector<std::string>);
template bool JsonReader::require(std::string_view);
template int JsonReader::require(std::string_view);
template double JsonReader::require(std::string_view);
template std::string JsonReader::require(std::string_view);
template std::vector<int> JsonReader::require(std::string_view);
template std::vector<std::string> JsonReader::require(std::string_view);
template std::optional<bool> JsonReader::maybe(std::string_view);
template std::optional<int> JsonReader::maybe(std::string_view);
template std::optional<double> JsonReader::maybe(std::string_view);
template std::optional<std::string> JsonReader::maybe(std::string_view);
template std::optional<std::vector<int>> JsonReader::maybe(std::string_view);
template std::optional<std::vector<std::string>> JsonReader::maybe(std::string_view);

} // namespace mflux
