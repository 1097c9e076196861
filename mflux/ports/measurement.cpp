#include "mflux/ports/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "mflux/base/error.h"

namespace mflux::ports {
namespace {

namespace fs = std::filesystem;
using Kind = Measurement::Kind;

constexpr std::array<std::pair<Kind, const char*>, 5> kKinds{
    {{Kind::schema, "schema"},
     {Kind::fixture, "fixture"},
     {Kind::live, "live"},
     {Kind::speed, "speed"},
     {Kind::memory, "memory"}}};

Kind kind_of(const std::string& name, const std::string& where) {
  for (const auto& [kind, text] : kKinds) {
    if (name == text) {
      return kind;
    }
  }
  throw Error(fmt::format(
      "{}: kind is \"{}\", expected schema, fixture, live, speed or memory", where, name));
}

/// A number of JSON, where an infinite one is null.
double number(JsonReader& reader, const char* key) {
  return reader.maybe<double>(key).value_or(std::numeric_limits<double>::infinity());
}

} // namespace

std::string name_of(Kind kind) {
  return std::find_if(
             kKinds.begin(), kKinds.end(), [&](const auto& one) { return one.first == kind; })
      ->second;
}

Measurement parse_measurement(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  Measurement one{
      .kind = kind_of(reader.require<std::string>("kind"), where),
      .test = reader.require<std::string>("test"),
      .source = reader.require<std::string>("source"),
      .what = reader.require<std::string>("what"),
      .date = reader.require<std::string>("date"),
      .passed = reader.require<bool>("passed"),
      .worst = {}};
  switch (one.kind) {
    case Kind::fixture:
    case Kind::live:
      one.rel_l2 = number(reader, "rel_l2");
      one.worst = reader.require<std::string>("worst");
      [[fallthrough]];
    case Kind::schema:
      one.count = reader.require<int>("count");
      break;
    case Kind::speed:
      one.milliseconds = reader.require<double>("milliseconds");
      break;
    case Kind::memory:
      one.ratio = number(reader, "ratio");
      break;
  }
  return one;
}

Json to_json(const Measurement& one) {
  Json json{
      {"kind", name_of(one.kind)},
      {"test", one.test},
      {"source", one.source},
      {"what", one.what},
      {"date", one.date},
      {"passed", one.passed}};
  switch (one.kind) {
    case Kind::fixture:
    case Kind::live:
      json["rel_l2"] = number_or_null(one.rel_l2);
      json["worst"] = one.worst;
      [[fallthrough]];
    case Kind::schema:
      json["count"] = one.count;
      break;
    case Kind::speed:
      json["milliseconds"] = one.milliseconds;
      break;
    case Kind::memory:
      json["ratio"] = number_or_null(one.ratio);
      break;
  }
  return json;
}

std::vector<Measurement> read_measurements(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(fmt::format(
        "{} is no folder; expected what tests wrote while MFLUX_RECORD named it (./dev record)",
        folder.string()));
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Measurement> all;
  for (const auto& file : files) {
    all.push_back(parse_measurement(read_json(file), file.string()));
  }
  return all;
}

} // namespace mflux::ports
