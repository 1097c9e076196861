#include "mflux/parity/output/evidence_json.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace mflux::parity {
namespace {

Json number(double value) {
  if (!std::isfinite(value)) {
    return nullptr;
  }
  return std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr);
}

Json numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) {
    out.push_back(number(value));
  }
  return out;
}

} // namespace

Json evidence_json(const Evidence& evidence) {
  const auto& strip = evidence.strip;
  Json points = Json::array(), curve = Json::array();
  for (const auto& point : evidence.points) {
    points.push_back(numbers({point.ref, point.port, point.predicted}));
  }
  for (const auto& point : evidence.curve) {
    curve.push_back(numbers({point.ref_in, point.ref, point.port_in, point.port, point.predicted}));
  }
  return {
      {"is_second", evidence.is_second},
      {"strip",
       {{"begin", strip.begin},
        {"ref", numbers(strip.ref)},
        {"port", numbers(strip.port)},
        {"predicted", numbers(strip.predicted)}}},
      {"points", points},
      {"curve", curve}};
}

} // namespace mflux::parity
