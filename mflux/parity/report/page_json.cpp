#include "mflux/parity/report/page_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "mflux/base/error.h"
#include "mflux/parity/report/base64.h"

namespace mflux::parity {
namespace {

constexpr double kDecades = 6; ///< that a heat map shows, down from its largest value
constexpr int kShades = 253;

Json number(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value > 0 ? "inf" : "-inf";
  }
  return std::strtod(fmt::format("{:.9g}", value).c_str(), nullptr);
}

/// A byte a cell: 0 for no difference, 255 for an infinite one, else by the logarithm.
std::string shades(const std::vector<double>& values, double top) {
  std::string bytes;
  for (const double value : values) {
    const double depth = std::log10(value / top) / kDecades;
    const int shade =
        value == 0 ? 0
        : std::isinf(value)
            ? 255
            : 1 + static_cast<int>(std::lround(kShades * std::clamp(1 + depth, 0.0, 1.0)));
    bytes += static_cast<char>(shade);
  }
  return base64(bytes);
}

Json heat_json(const HeatMap& map) {
  double top = 0;
  for (const double value : map.max) {
    top = std::isinf(value) ? top : std::max(top, value);
  }
  return {
      {"axes", {map.row_axis, map.column_axis}},
      {"rows", map.rows},
      {"columns", map.columns},
      {"top", number(top)},
      {"decades", kDecades},
      {"max", shades(map.max, top)},
      {"mean", shades(map.mean, top)}};
}

Json strip_json(const Strip& strip) {
  Json out{{"begin", strip.begin}, {"ref", Json::array()}, {"port", Json::array()}};
  for (const double value : strip.ref) {
    out["ref"].push_back(number(value));
  }
  for (const double value : strip.port) {
    out["port"].push_back(number(value));
  }
  return out;
}

} // namespace

Json for_page(const Json& value) {
  if (value.is_number_float()) {
    return number(value.get<double>());
  }
  if (value.is_string()) {
    return printable(value.get<std::string>());
  }
  Json out = value;
  if (value.is_structured()) {
    for (auto& [key, part] : out.items()) {
      part = for_page(part);
    }
  }
  return out;
}

std::string script_text(const Json& value) {
  std::string text;
  for (const char c : value.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  return text;
}

Json detail_json(const Detail& detail) {
  Json worst = Json::array(), heat = Json::array();
  for (const auto& element : detail.worst) {
    worst.push_back({element.index, number(element.ref), number(element.port)});
  }
  for (const auto& map : detail.heat) {
    heat.push_back(heat_json(map));
  }
  const auto& histogram = detail.histogram;
  return {
      {"compared_shape", detail.shape},
      {"first_values", strip_json(detail.strips.first)},
      {"worst_values", strip_json(detail.strips.worst)},
      {"worst_elements", worst},
      {"histogram",
       {{"first", histogram.first},
        {"counts", histogram.counts},
        {"equal", histogram.equal},
        {"nonfinite", histogram.nonfinite}}},
      {"heat", heat}};
}

} // namespace mflux::parity
