#include "mflux/artifacts/json_events.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::artifacts {
namespace {

constexpr size_t kMaxDepth = 8;

} // namespace

/// The events as nlohmann::json names them.
struct JsonEvents::Sax {
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  JsonEvents& events;
  std::vector<std::unordered_set<std::string>> seen{}; ///< keys of the objects that are open
  std::vector<bool> in_list{};

  bool null() {
    return other();
  }

  bool boolean(bool) {
    return other();
  }

  bool number_integer(number_integer_t) {
    return other();
  }

  bool number_float(number_float_t, const string_t&) {
    return other();
  }

  bool binary(binary_t&) {
    return other();
  }

  bool number_unsigned(number_unsigned_t value) {
    check_document();
    events.on_number(value);
    return finish();
  }

  bool string(string_t& value) {
    check_document();
    events.on_string(std::move(value));
    return finish();
  }

  bool start_object(size_t) {
    if (!in_list.empty()) {
      events.on_begin(false);
    }
    return open(false);
  }

  bool end_object() {
    close();
    if (!in_list.empty()) {
      events.on_end(false);
      finish();
    }
    return true;
  }

  bool start_array(size_t) {
    check_document();
    events.on_begin(true);
    return open(true);
  }

  bool end_array() {
    close();
    events.on_end(true);
    return finish();
  }

  bool key(string_t& name) {
    if (!seen.back().insert(name).second) {
      throw Error(fmt::format("the key \"{}\" stands twice", name));
    }
    events.keys_.push_back(std::move(name));
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) {
    throw Error(fmt::format("not valid JSON: {}", problem_of(error)));
  }

 private:
  bool other() {
    check_document();
    events.on_other();
    return finish();
  }

  /// A value has ended: its key is done unless it stands in a list.
  bool finish() {
    if (!in_list.back()) {
      events.keys_.pop_back();
    }
    return true;
  }

  bool open(bool list) {
    if (in_list.size() == kMaxDepth) {
      throw Error(fmt::format("JSON nested more than {} levels deep", kMaxDepth));
    }
    in_list.push_back(list);
    seen.emplace_back();
    return true;
  }

  void close() {
    in_list.pop_back();
    seen.pop_back();
  }

  void check_document() const {
    if (in_list.empty()) {
      throw Error("the JSON is no object {…}");
    }
  }
};

void JsonEvents::parse(std::string_view text) {
  if (text.find('\0') != text.npos) {
    throw Error("not valid JSON: it holds a NUL byte"); // where nlohmann::json would stop reading
  }
  keys_.clear();
  Sax sax{*this};
  nlohmann::json::sax_parse(text.begin(), text.end(), &sax);
}

void JsonEvents::fail(std::string_view expected) const {
  throw Error(fmt::format("the JSON value of {}: expected {}", fmt::join(keys_, "."), expected));
}

} // namespace mflux::artifacts
