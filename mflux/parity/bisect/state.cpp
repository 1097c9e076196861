#include "mflux/parity/bisect/state.h"

#include <fmt/format.h>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::parity {
namespace {

constexpr int kSchema = 1;

Json to_json(const Survey& survey) {
  Json spots = Json::array();
  for (const auto& spot : survey.spots) {
    spots.push_back({spot.ref, spot.port, spot.bytes});
  }
  return {
      {"only_in_ref", survey.only_in_ref},
      {"only_in_mlx", survey.only_in_port},
      {"has_tensors", survey.has_tensors},
      {"spots", std::move(spots)}};
}

Json to_json(const Round& round) {
  return {
      {"why", round.why},
      {"ref_seconds", round.ref_seconds},
      {"mlx_seconds", round.port_seconds},
      {"bytes", round.bytes},
      {"compared", round.compared},
      {"failing", round.failing},
      {"found", to_json(round.found)},
      {"spots", round.spots}};
}

const Json& member(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end()) {
    throw Error(fmt::format("\"{}\" is missing", key));
  }
  return *found;
}

uint64_t count_of(const Json& value) {
  if (!value.is_number_unsigned()) {
    throw Error(fmt::format("{} is no count", value.dump()));
  }
  return value.get<uint64_t>();
}

const Json& list_of(const Json& object, const char* key) {
  const Json& list = member(object, key);
  if (!list.is_array()) {
    throw Error(fmt::format("\"{}\" must be a list", key));
  }
  return list;
}

Survey survey_of(const Json& json) {
  Survey survey;
  survey.only_in_ref = count_of(member(json, "only_in_ref"));
  survey.only_in_port = count_of(member(json, "only_in_mlx"));
  survey.has_tensors = JsonReader(json, "survey").require<bool>("has_tensors");
  for (const auto& spot : list_of(json, "spots")) {
    if (!spot.is_array() || spot.size() != 3 || !spot[0].is_string() || !spot[1].is_string()) {
      throw Error("a spot must be [reference, port, bytes]");
    }
    const auto ref = spot[0].get<std::string>();
    survey.spots.push_back({ref, spot[1].get<std::string>(), count_of(spot[2]), parse_name(ref)});
  }
  return survey;
}

std::optional<Found> found_of(const Json& json) {
  if (json.is_null()) {
    return std::nullopt;
  }
  JsonReader reader(json, "found");
  return Found{
      reader.require<std::string>("checkpoint"),
      reader.get<std::string>("class", ""),
      reader.require<std::string>("verdict"),
      reader.require<std::string>("owner"),
      reader.require<std::string>("why"),
      reader.maybe<double>("error"),
      reader.maybe<double>("input_error"),
      reader.maybe<double>("gain")};
}

Round round_of(const Json& json, size_t spots) {
  JsonReader reader(json, "round");
  Round round;
  round.why = reader.require<std::string>("why");
  round.ref_seconds = reader.require<double>("ref_seconds");
  round.port_seconds = reader.require<double>("mlx_seconds");
  round.bytes = count_of(member(json, "bytes"));
  round.compared = count_of(member(json, "compared"));
  round.failing = count_of(member(json, "failing"));
  round.found = found_of(member(json, "found"));
  for (const auto& spot : list_of(json, "spots")) {
    round.spots.push_back(count_of(spot));
    if (round.spots.back() >= spots) {
      throw Error(fmt::format("there is no spot {}", round.spots.back()));
    }
  }
  return round;
}

} // namespace

Json to_json(const std::optional<Found>& found) {
  if (!found) {
    return nullptr;
  }
  const auto number = [](std::optional<double> value) {
    return value ? Json(*value) : Json(nullptr);
  };
  return {
      {"checkpoint", found->checkpoint},
      {"class", found->module_class},
      {"verdict", found->verdict},
      {"owner", found->owner},
      {"why", found->why},
      {"error", number(found->error)},
      {"input_error", number(found->input_error)},
      {"gain", number(found->gain)}};
}

void write_state(const std::filesystem::path& path, const BisectState& state) {
  Json rounds = Json::array();
  for (const auto& round : state.rounds) {
    rounds.push_back(to_json(round));
  }
  const Json json{
      {"schema", kSchema},
      {"ref", state.ref},
      {"mlx", state.port},
      {"survey", state.survey ? to_json(*state.survey) : Json(nullptr)},
      {"rounds", std::move(rounds)}};
  write_file(path, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

BisectState read_state(const std::filesystem::path& path) {
  const Json json = read_json(path);
  return with_context(fmt::format("{} is no state of a bisection", path.string()), [&] {
    JsonReader reader(json, "state");
    if (const int schema = reader.require<int>("schema"); schema != kSchema) {
      throw Error(fmt::format("schema is {}, this version reads {}", schema, kSchema));
    }
    BisectState state;
    state.ref = reader.require<std::string>("ref");
    state.port = reader.require<std::string>("mlx");
    if (const Json& survey = member(json, "survey"); !survey.is_null()) {
      state.survey = survey_of(survey);
    }
    for (const auto& round : list_of(json, "rounds")) {
      state.rounds.push_back(round_of(round, state.survey ? state.survey->spots.size() : 0));
    }
    return state;
  });
}

} // namespace mflux::parity
