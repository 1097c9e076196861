#include "mflux/artifacts/pickle_input.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "mflux/artifacts/pickle_opcodes.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

using Kind = PickleValue::Kind;

template <typename T>
T number(std::string_view line) {
  T value{};
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || end != line.data() + line.size()) {
    throw Error(fmt::format("\"{}\" is no number that fits", line));
  }
  return value;
}

/// The whole number of a LONG1 or LONG4: little-endian two's complement of any width.
PickleValue long_value(Bytes bytes) {
  const size_t size = bytes.size();
  const bool negative = size > 0 && (static_cast<uint8_t>(bytes[size - 1]) & 0x80) != 0;
  uint64_t bits = negative ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (i < 8) {
      bits = (bits & ~(uint64_t{0xff} << (8 * i))) | uint64_t{byte} << (8 * i);
    } else if (byte != (negative ? 0xff : 0)) {
      throw Error(fmt::format("a whole number of {} bytes, at most 8 are read", size));
    }
  }
  if (negative && bits >> 63 == 0) {
    throw Error("a whole number below -2^63");
  }
  return {!negative && bits >> 63 != 0 ? Kind::large : Kind::integer, bits};
}

/// The whole number of an INT or LONG: decimal text, an L at its end.
PickleValue decimal_value(std::string_view line) {
  if (line.ends_with('L')) {
    line.remove_suffix(1);
  }
  if (line.starts_with('-')) {
    return {Kind::integer, static_cast<uint64_t>(number<int64_t>(line))};
  }
  const auto value = number<uint64_t>(line);
  return {value >> 63 != 0 ? Kind::large : Kind::integer, value};
}

/// Text without escapes, which only protocol 0 has.
std::string_view plain_text(std::string_view line) {
  if (line.find('\\') != line.npos) {
    throw Error("text with escapes (pickle protocol 0): use torch.save's own protocol");
  }
  return line;
}

PickleValue integer(int64_t value) {
  return {Kind::integer, static_cast<uint64_t>(value)};
}

} // namespace

std::string refused_name(uint8_t op) {
  constexpr std::array<std::pair<uint8_t, std::string_view>, 12> kNames{{
      {'o', "OBJ"},
      {0x81, "NEWOBJ"},
      {0x82, "EXT1"},
      {0x83, "EXT2"},
      {0x84, "EXT4"},
      {0x8f, "EMPTY_SET"},
      {0x90, "ADDITEMS"},
      {0x91, "FROZENSET"},
      {0x92, "NEWOBJ_EX"},
      {0x96, "BYTEARRAY8"},
      {0x97, "NEXT_BUFFER"},
      {0x98, "READONLY_BUFFER"},
  }};
  for (const auto& [code, name] : kNames) {
    if (code == op) {
      return fmt::format("the pickle opcode {}", name);
    }
  }
  return fmt::format("the byte {:#04x}, no pickle opcode,", op);
}

Bytes PickleInput::take_bytes(uint64_t size) {
  if (size > left()) {
    throw Error(fmt::format(
        "the pickle wants {} bytes, {} are left: it was cut off or altered", size, left()));
  }
  at_ += size;
  return bytes_.subspan(at_ - size, size);
}

std::string_view PickleInput::take_line() {
  const auto rest = as_text(bytes_.subspan(at_));
  const size_t end = rest.find('\n');
  if (end == rest.npos) {
    throw Error("the pickle ends inside a line");
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

uint32_t index_value(std::string_view line) {
  return number<uint32_t>(line);
}

std::optional<PickleValue> take_number(uint8_t op, PickleInput& in) {
  switch (op) {
    case kNone:
      return PickleValue{Kind::none, 0};
    case kNewTrue:
    case kNewFalse:
      return PickleValue{Kind::boolean, op == kNewTrue};
    case kBinInt:
      return integer(in.take<int32_t>());
    case kBinInt1:
      return integer(in.take<uint8_t>());
    case kBinInt2:
      return integer(in.take<uint16_t>());
    case kLong1:
      return long_value(in.take_bytes(in.take<uint8_t>()));
    case kLong4:
      return long_value(in.take_bytes(in.take<uint32_t>()));
    case kInt:
      if (const auto line = in.take_line(); line == "00" || line == "01") {
        return PickleValue{Kind::boolean, line == "01"};
      } else {
        return decimal_value(line);
      }
    case kLong:
      return decimal_value(in.take_line());
    case kFloat:
      return PickleValue{Kind::real, std::bit_cast<uint64_t>(number<double>(in.take_line()))};
    case kBinFloat:
      return PickleValue{Kind::real, __builtin_bswap64(in.take<uint64_t>())};
    default:
      return std::nullopt;
  }
}

std::optional<PickleText> take_text(uint8_t op, PickleInput& in) {
  switch (op) {
    case kBinUnicode:
      return PickleText{Kind::text, as_text(in.take_bytes(in.take<uint32_t>()))};
    case kShortBinUnicode:
      return PickleText{Kind::text, as_text(in.take_bytes(in.take<uint8_t>()))};
    case kBinUnicode8:
      return PickleText{Kind::text, as_text(in.take_bytes(in.take<uint64_t>()))};
    case kUnicode:
      return PickleText{Kind::text, plain_text(in.take_line())};
    case kString: {
      const auto line = plain_text(in.take_line());
      if (line.size() < 2 || line.front() != line.back()) {
        throw Error("text without its quotes");
      }
      return PickleText{Kind::text, line.substr(1, line.size() - 2)};
    }
    case kBinString:
      return PickleText{Kind::text, as_text(in.take_bytes(in.take<uint32_t>()))};
    case kShortBinString:
      return PickleText{Kind::text, as_text(in.take_bytes(in.take<uint8_t>()))};
    case kBinBytes:
      return PickleText{Kind::bytes, as_text(in.take_bytes(in.take<uint32_t>()))};
    case kShortBinBytes:
      return PickleText{Kind::bytes, as_text(in.take_bytes(in.take<uint8_t>()))};
    case kBinBytes8:
      return PickleText{Kind::bytes, as_text(in.take_bytes(in.take<uint64_t>()))};
    default:
      return std::nullopt;
  }
}

} // namespace mflux::artifacts
