#include "mflux/artifacts/npy_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <optional>

#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr size_t kMaxHeader = size_t{1} << 20;
constexpr size_t kMaxAxes = 64; ///< NumPy's own limit

struct NamedDescr {
  std::string_view descr; ///< without the byte order
  Dtype dtype;
};

/// What NumPy and ml_dtypes write. Only ml_dtypes' bfloat16 is 'V2', only its float8_e5m2 is 'f1'.
constexpr std::array<NamedDescr, 16> kDescrs{{
    {"b1", Dtype::boolean},
    {"u1", Dtype::uint8},
    {"i1", Dtype::int8},
    {"u2", Dtype::uint16},
    {"i2", Dtype::int16},
    {"u4", Dtype::uint32},
    {"i4", Dtype::int32},
    {"u8", Dtype::uint64},
    {"i8", Dtype::int64},
    {"f1", Dtype::float8_e5m2},
    {"f2", Dtype::float16},
    {"V2", Dtype::bfloat16},
    {"f4", Dtype::float32},
    {"f8", Dtype::float64},
    {"c8", Dtype::complex64},
    {"c16", Dtype::complex128},
}};

/// Names that np.dtype() understands once ml_dtypes is imported.
constexpr std::array<NamedDescr, 3> kFullNames{{
    {"bfloat16", Dtype::bfloat16},
    {"float8_e4m3fn", Dtype::float8_e4m3},
    {"float8_e5m2", Dtype::float8_e5m2},
}};

/// Why a descr that NumPy knows is not read here.
std::string refusal(std::string_view descr) {
  const auto kind = descr.substr(descr.find_first_not_of("<>=|") == 1 ? 1 : 0);
  const std::string seen = fmt::format("the dtype is '{}'", descr);
  if (kind.starts_with('O')) {
    return seen + ", pickled Python objects, which are never read: save plain numbers";
  }
  if (kind == "V1") {
    return seen + ", which ml_dtypes writes for every float8 kind but e5m2: save it as safetensors";
  }
  if (kind.starts_with('V')) {
    return seen + ", raw bytes without a number type: save plain numbers";
  }
  if (kind.starts_with('S') || kind.starts_with('U') || kind.starts_with('a')) {
    return seen + ", text: save plain numbers";
  }
  if (kind.starts_with('M') || kind.starts_with('m')) {
    return seen + ", dates: save plain numbers";
  }
  return seen + ", expected bool, (u)int8 to 64, float16 to 64, bfloat16 or complex";
}

void read_descr(std::string_view descr, NpyHeader& out) {
  for (const auto& [name, dtype] : kFullNames) {
    if (descr == name) {
      out.dtype = dtype;
      return;
    }
  }
  const bool ordered = !descr.empty() && std::string_view("<>=|").find(descr[0]) != descr.npos;
  for (const auto& [name, dtype] : kDescrs) {
    if (descr.substr(ordered ? 1 : 0) == name) {
      out.dtype = dtype;
      out.swapped = descr[0] == '>' && size_of(dtype) > 1;
      return;
    }
  }
  throw Error(refusal(descr));
}

/// float8 goes by its full name: np.load does not know the '<f1' and '<V1' that np.save writes.
std::string descr_of(Dtype dtype) {
  for (const auto& [name, known] : kFullNames) {
    if (known == dtype && size_of(dtype) == 1) {
      return std::string(name);
    }
  }
  for (const auto& [name, known] : kDescrs) {
    if (known == dtype) {
      return fmt::format("{}{}", size_of(dtype) > 1 ? '<' : '|', name);
    }
  }
  throw Error(fmt::format("npy cannot hold {}", name_of(dtype)));
}

/// Reads the one Python literal that NumPy writes: a dict with the keys descr, fortran_order and
/// shape, in any order.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  void parse(NpyHeader& out) {
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      entry(key, out);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) {
      fail("nothing after the closing brace");
    }
    if (!seen_descr_ || !seen_order_ || !seen_shape_) {
      throw Error("the header lacks one of the keys 'descr', 'fortran_order' and 'shape'");
    }
  }

 private:
  void entry(std::string_view key, NpyHeader& out) {
    if (key == "descr") {
      once(key, seen_descr_);
      skip_space();
      if (at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '(')) {
        throw Error("the dtype is structured (has fields): save each field as an array of its own");
      }
      read_descr(quoted(), out);
    } else if (key == "fortran_order") {
      once(key, seen_order_);
      out.fortran_order = boolean();
    } else if (key == "shape") {
      once(key, seen_shape_);
      out.shape = tuple();
    } else {
      throw Error(fmt::format("the header has an unknown key '{}'", key));
    }
  }

  void once(std::string_view key, bool& seen) {
    if (seen) {
      throw Error(fmt::format("the header has the key '{}' twice", key));
    }
    seen = true;
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) {
      ++at_;
    }
  }

  bool accept(char c) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == c) {
      ++at_;
      return true;
    }
    return false;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail(fmt::format("'{}'", c));
    }
  }

  std::string_view quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') {
      fail("a quoted string");
    }
    const size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) {
      fail("a closing quote");
    }
    const auto out = text_.substr(at_ + 1, end - at_ - 1);
    if (out.find('\\') != out.npos) {
      fail("a string without backslashes");
    }
    at_ = end + 1;
    return out;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False");
  }

  Shape tuple() {
    Shape out;
    expect('(');
    while (!accept(')')) {
      out.push_back(integer());
      if (out.size() > kMaxAxes) {
        throw Error(fmt::format("the shape has more than {} axes", kMaxAxes));
      }
      if (!accept(',')) {
        expect(')');
        if (out.size() == 1) {
          throw Error("the shape is a number, expected a tuple such as (3,)");
        }
        break;
      }
    }
    return out;
  }

  int64_t integer() {
    skip_space();
    const size_t begin = at_;
    int64_t value = 0;
    bool overflow = false;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      overflow |= __builtin_mul_overflow(value, 10, &value);
      overflow |= __builtin_add_overflow(value, text_[at_] - '0', &value);
    }
    if (at_ == begin) {
      fail("a whole number");
    }
    if (overflow) {
      throw Error("the shape has an extent over 2^63");
    }
    if (at_ < text_.size() && text_[at_] == 'L') { // Python 2 wrote long integers so
      ++at_;
    }
    return value;
  }

  [[noreturn]] void fail(std::string_view expected) const {
    throw Error(fmt::format(
        "the header is no npy header: expected {} at its character {}, seen \"{}\"",
        expected,
        at_,
        text_.substr(std::min(at_, text_.size()), 20)));
  }

  std::string_view text_;
  size_t at_ = 0;
  bool seen_descr_ = false, seen_order_ = false, seen_shape_ = false;
};

} // namespace

size_t npy_data_offset(Bytes start) {
  if (!as_text(start).starts_with(kNpyMagic)) {
    throw Error("not an npy file: it does not begin with \\x93NUMPY");
  }
  if (start.size() < kNpyPrefix) {
    throw Error(fmt::format("the npy file ends after {} bytes, inside its header", start.size()));
  }
  const int version = load<uint8_t>(start, 6), minor = load<uint8_t>(start, 7);
  if (version < 1 || version > 3 || minor != 0) {
    throw Error(fmt::format("npy version {}.{}, expected 1.0, 2.0 or 3.0", version, minor));
  }
  const size_t length = version == 1 ? load<uint16_t>(start, 8) : load<uint32_t>(start, 8);
  if (length > kMaxHeader) {
    throw Error(
        fmt::format("the npy header claims {} bytes, expected at most {}", length, kMaxHeader));
  }
  return (version == 1 ? 10 : 12) + length;
}

NpyHeader read_npy_header(Bytes start) {
  NpyHeader out;
  out.data_offset = npy_data_offset(start);
  if (start.size() < out.data_offset) {
    throw Error(fmt::format(
        "the npy file ends after {} bytes, its header alone claims {}",
        start.size(),
        out.data_offset));
  }
  const size_t begin = load<uint8_t>(start, 6) == 1 ? 10 : 12;
  HeaderParser(as_text(start.subspan(begin, out.data_offset - begin))).parse(out);
  out.data_size = byte_count(out.dtype, out.shape);
  return out;
}

std::string npy_header(Dtype dtype, const Shape& shape) {
  const std::string descr = descr_of(dtype);
  std::string text = fmt::format(
      "{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
      descr,
      fmt::join(shape, ", "),
      shape.size() == 1 ? "," : "");
  if (!shape.empty()) {
    // NumPy leaves room for the first extent to grow to 21 digits.
    text.append(21 - fmt::formatted_size("{}", shape[0]), ' ');
  }
  constexpr size_t kAlignment = 64, kStart = 10;
  text.append(kAlignment - (kStart + text.size() + 1) % kAlignment, ' ');
  text += '\n';
  std::string out(kNpyMagic);
  out += {'\x01', '\x00'};
  append(out, static_cast<uint16_t>(text.size()));
  return out + text;
}

} // namespace mflux::artifacts
