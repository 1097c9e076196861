#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace mflux {

/// Everything this library throws on purpose. The message says what was seen, what was expected and
/// what to do; where it happened is the business of with_context().
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Runs `work`; if it throws, rethrows with `where` nested on top, so that the caller can print the
/// chain. Running out of memory stays std::bad_alloc.
template <typename Work>
decltype(auto) with_context(const std::string& where, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    std::throw_with_nested(Error(where));
  }
}

/// The whole chain on one line, outermost context first: "loading vae: config.json: …". Line breaks
/// and control characters of hostile names are escaped, texts over 1000 bytes lose their middle.
std::string one_line(const std::exception& error);

/// `text` with control characters and ill-formed UTF-8 written as \xNN, so that no file can write
/// to a terminal or break the JSON that quotes it.
std::string printable(const std::string& text);

} // namespace mflux
