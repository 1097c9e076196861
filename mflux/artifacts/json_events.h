#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace mflux::artifacts {

/// Reads JSON as a stream of values, strictly (no duplicate keys, no trailing text) and without
/// building a document: headers hold up to 100 MB and may be hostile. The document must be an
/// object; a derived class takes what it knows and refuses the rest by throwing Error.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;

  /// Feeds all of `text`. Throws Error.
  void parse(std::string_view text);

 protected:
  /// One value at keys()[0], keys()[1], …
  virtual void on_string(std::string value) = 0;
  virtual void on_number(uint64_t value) = 0;

  /// The object or list at keys() begins (is_list) or ends.
  virtual void on_begin(bool is_list) = 0;
  virtual void on_end(bool is_list) = 0;

  /// A number that is no whole number from 0 to 2^64, true, false or null.
  virtual void on_other() = 0;

  /// The path of keys from the document to the current value.
  const std::vector<std::string>& keys() const {
    return keys_;
  }

  /// Throws Error: "…: expected <what>".
  [[noreturn]] void fail(std::string_view expected) const;

 private:
  struct Sax;

  std::vector<std::string> keys_;
};

} // namespace mflux::artifacts
