#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <locale>
#include <map>
#include <sstream>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {
namespace {

using Arguments = std::vector<std::string>;

constexpr std::string_view kToHalf = "interleaved->half", kToInterleaved = "half->interleaved";

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

int64_t integer(const std::string& text) {
  int64_t value = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || stop != text.data() + text.size()) {
    throw Error(fmt::format("expected a whole number, got \"{}\"", printable(text)));
  }
  return value;
}

/// Independent of the process's locale.
double number(const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double value = 0;
  if (!(stream >> value) || stream.peek() != std::char_traits<char>::eof() ||
      !std::isfinite(value)) {
    throw Error(fmt::format("expected a number, got \"{}\"", printable(text)));
  }
  return value;
}

std::vector<int64_t> integers(const Arguments& arguments) {
  std::vector<int64_t> values;
  for (const auto& text : arguments) {
    values.push_back(integer(text));
  }
  return values;
}

Rope rope_of(const Arguments& arguments) {
  const bool to_half = arguments[0] == kToHalf || arguments[0] == "half";
  if (!to_half && arguments[0] != kToInterleaved && arguments[0] != "interleaved") {
    throw Error(fmt::format(
        "expected {} or {}, got \"{}\"", kToHalf, kToInterleaved, printable(arguments[0])));
  }
  Rope rope{to_half ? Pairing::half : Pairing::interleaved, {}, -1};
  if (arguments.size() > 1) {
    rope.head_dim = integer(arguments[1]);
  }
  if (arguments.size() > 2) {
    rope.axis = integer(arguments[2]);
  }
  return rope;
}

Slice slice_of(const Arguments& arguments) {
  Slice slice{integer(arguments[0]), integer(arguments[1]), {}, 1};
  if (!arguments[2].empty()) {
    slice.end = integer(arguments[2]);
  }
  if (arguments.size() > 3) {
    slice.step = integer(arguments[3]);
  }
  if (slice.step < 1) {
    throw Error("the step of a slice is at least 1; flip AXIS reverses");
  }
  return slice;
}

/// The dtype of a name or of the usual short one.
std::optional<artifacts::Dtype> dtype_of(const std::string& name) {
  static const std::map<std::string_view, std::string_view> short_names = {
      {"bf16", "bfloat16"},
      {"f16", "float16"},
      {"fp16", "float16"},
      {"half", "float16"},
      {"f32", "float32"},
      {"fp32", "float32"},
      {"f64", "float64"},
      {"fp64", "float64"}};
  const auto found = short_names.find(name);
  return artifacts::dtype_named(found == short_names.end() ? name : found->second);
}

Cast cast_of(const Arguments& arguments) {
  const auto dtype = dtype_of(arguments[0]);
  if (!dtype || is_complex(*dtype)) {
    throw Error(fmt::format(
        "expected a dtype like bfloat16, float16, float32, int64, got \"{}\"",
        printable(arguments[0])));
  }
  return {*dtype};
}

constexpr size_t kAny = 64; ///< axes

/// A transform's name, its arguments for people and how many there are, and how they are read.
struct Kind {
  const char* name;
  const char* arguments;
  size_t least, most;
  std::function<Transform(const Arguments&)> read;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"permute", "0,2,1,3", 1, kAny, [](const Arguments& a) { return Permute{integers(a)}; }},
      {"transpose",
       "AXIS,AXIS",
       2,
       2,
       [](const Arguments& a) {
         return Transpose{integer(a[0]), integer(a[1])};
       }},
      {"reshape", "1,64,-1,48", 1, kAny, [](const Arguments& a) { return Reshape{integers(a)}; }},
      {"flip", "AXIS", 1, 1, [](const Arguments& a) { return Flip{integer(a[0])}; }},
      {"roll",
       "AXIS,SHIFT",
       2,
       2,
       [](const Arguments& a) {
         return Roll{integer(a[0]), integer(a[1])};
       }},
      {"slice", "AXIS,begin,end[,step]", 3, 4, slice_of},
      {"swap_halves",
       "[AXIS]",
       0,
       1,
       [](const Arguments& a) { return SwapHalves{a.empty() ? -1 : integer(a[0])}; }},
      {"rope", "interleaved->half[,HEAD_DIM[,AXIS]]", 1, 3, rope_of},
      {"cast", "DTYPE", 1, 1, cast_of},
      {"scale", "FACTOR", 1, 1, [](const Arguments& a) { return Scale{number(a[0])}; }},
      {"add", "TERM", 1, 1, [](const Arguments& a) { return Add{number(a[0])}; }},
      {"negate", "", 0, 0, [](const Arguments&) { return Negate{}; }},
  };
  return all;
}

[[noreturn]] void refuse_name(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& kind : kinds()) {
    names.emplace_back(kind.name);
  }
  const auto match = nearest(name, names);
  throw Error(fmt::format(
      "no transform \"{}\"{}: expected {}",
      printable(name),
      match.empty() ? "" : fmt::format(" (did you mean {}?)", match),
      fmt::join(names, ", ")));
}

/// "0,2,1" and the like after a name.
template <typename T>
std::string call(const char* name, const T& arguments) {
  return fmt::format("{} {}", name, fmt::join(arguments, ","));
}

struct Speller {
  std::string operator()(const Permute& t) const {
    return call("permute", t.axes);
  }
  std::string operator()(const Transpose& t) const {
    return fmt::format("transpose {},{}", t.a, t.b);
  }
  std::string operator()(const Reshape& t) const {
    return call("reshape", t.shape);
  }
  std::string operator()(const Flip& t) const {
    return fmt::format("flip {}", t.axis);
  }
  std::string operator()(const Roll& t) const {
    return fmt::format("roll {},{}", t.axis, t.shift);
  }
  std::string operator()(const Slice& t) const {
    return fmt::format(
        "slice {},{},{}{}",
        t.axis,
        t.begin,
        t.end ? fmt::to_string(*t.end) : "",
        t.step == 1 ? "" : fmt::format(",{}", t.step));
  }
  std::string operator()(const SwapHalves& t) const {
    return t.axis == -1 ? "swap_halves" : fmt::format("swap_halves {}", t.axis);
  }
  std::string operator()(const Rope& t) const {
    std::string text = fmt::format("rope {}", t.to == Pairing::half ? kToHalf : kToInterleaved);
    if (t.head_dim) {
      text += fmt::format(",{}", *t.head_dim);
      text += t.axis == -1 ? "" : fmt::format(",{}", t.axis);
    }
    return text;
  }
  std::string operator()(const Cast& t) const {
    return fmt::format("cast {}", name_of(t.dtype));
  }
  std::string operator()(const Scale& t) const {
    return fmt::format("scale {}", t.factor);
  }
  std::string operator()(const Add& t) const {
    return fmt::format("add {}", t.term);
  }
  std::string operator()(const Negate&) const {
    return "negate";
  }
};

} // namespace

Transform parse_transform(std::string_view text) {
  const std::string whole = trimmed(text);
  const size_t blank = std::min(whole.find_first_of(" \t\r\n"), whole.size());
  const std::string name = whole.substr(0, blank), rest = trimmed(whole.substr(blank));
  for (const auto& kind : kinds()) {
    if (name != kind.name) {
      continue;
    }
    const auto arguments = rest.empty() ? Arguments{} : parts_of(rest, ',');
    if (arguments.size() < kind.least || arguments.size() > kind.most) {
      throw Error(fmt::format(
          "\"{}\": expected {}",
          printable(whole),
          trimmed(fmt::format("{} {}", name, kind.arguments))));
    }
    return with_context(
        fmt::format("\"{}\"", printable(whole)), [&] { return kind.read(arguments); });
  }
  if (name.empty()) {
    throw Error("an empty transform: expected for instance permute 0,2,1 | scale 0.125");
  }
  refuse_name(name);
}

Chain parse_chain(std::string_view text) {
  Chain chain;
  for (const auto& part : parts_of(text, '|')) {
    chain.push_back(parse_transform(part));
  }
  return chain;
}

std::string to_string(const Transform& transform) {
  return std::visit(Speller(), transform);
}

std::string to_string(const Chain& chain) {
  std::string text;
  for (const auto& transform : chain) {
    text += (text.empty() ? "" : " | ") + to_string(transform);
  }
  return text;
}

} // namespace mflux::parity
