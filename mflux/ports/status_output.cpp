#include "mflux/ports/status_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/base/text_table.h"

namespace mflux::ports {
namespace {

std::string loads_text(const ComponentStatus& status) {
  if (status.schemas.empty()) {
    return "-";
  }
  return fmt::format("{} tensors", status.schemas.front().measured.count);
}

std::string matches_text(const ComponentStatus& status) {
  const auto* worst = status.worst();
  return worst ? fmt::format("{:.1e} of {:.0e}", worst->measured.rel_l2, status.component.tolerance)
               : "-";
}

std::string locked_text(const ComponentStatus& status) {
  return status.locked_by.empty() ? "-" : fmt::format("{} tests", status.locked_by.size());
}

std::string speed_text(const ComponentStatus& status) {
  if (status.speed.empty()) {
    return "-";
  }
  return fmt::format(
      "{:.3g} of {:.3g} ms",
      status.speed.front().measured.milliseconds,
      status.component.targets.milliseconds.value_or(0));
}

using Row = std::vector<TextTable::Cell>;

Row row_of(const ComponentStatus& status) {
  const auto* worst = status.worst();
  return {
      {status.component.name},
      {name_of(status.state) + (status.problems.empty() ? "" : " !")},
      {loads_text(status)},
      {matches_text(status)},
      {worst ? worst->measured.worst : "-"},
      {locked_text(status)},
      {speed_text(status)},
      {worst ? worst->measured.date : "-"},
      {worst ? worst->commit : "-"}};
}

Json json_of(const std::vector<Record>& records) {
  Json list = Json::array();
  for (const auto& record : records) {
    Json json = to_json(record.measured);
    json["commit"] = record.commit;
    list.push_back(std::move(json));
  }
  return list;
}

Json json_of(const ComponentStatus& status) {
  const auto& component = status.component;
  const auto* worst = status.worst();
  return {
      {"name", component.name},
      {"reference", component.reference},
      {"config", component.config},
      {"state", name_of(status.state)},
      {"parity", component.parity},
      {"tolerance", component.tolerance},
      {"rel_l2", worst ? number_or_null(worst->measured.rel_l2) : Json(nullptr)},
      {"locked_by", status.locked_by},
      {"loads", json_of(status.schemas)},
      {"matches", json_of(status.parity)},
      {"speed", json_of(status.speed)},
      {"memory", json_of(status.memory)},
      {"problems", status.problems}};
}

} // namespace

std::string to_text(const Status& status) {
  std::string text;
  for (const auto& port : status.ports) {
    text += fmt::format(
        "{}: {} of {} ({})\n",
        port.port.name,
        port.port.reference,
        port.port.version,
        (port.port.folder / "port.toml").string());
    TextTable table;
    table.add(
        {{"component"},
         {"state"},
         {"loads"},
         {"rel_l2"},
         {"largest at"},
         {"locked by"},
         {"speed"},
         {"measured"},
         {"commit"}});
    for (const auto& component : port.components) {
      table.add(row_of(component));
    }
    text += table.format(false) + "\n";
  }
  const auto problems = status.all_problems();
  for (const auto& problem : problems) {
    text += fmt::format("! {}\n", printable(problem));
  }
  text += problems.empty() ? "every result is of today's code\n"
                           : "./dev record (after ./dev setup --reference) measures again and "
                             "writes mflux/models/*/results\n";
  return text;
}

Json to_json(const Status& status) {
  Json ports = Json::array();
  for (const auto& port : status.ports) {
    Json components = Json::array();
    for (const auto& component : port.components) {
      components.push_back(json_of(component));
    }
    ports.push_back(
        {{"name", port.port.name},
         {"folder", port.port.folder.string()},
         {"reference", port.port.reference},
         {"version", port.port.version},
         {"components", std::move(components)},
         {"problems", port.problems}});
  }
  const auto problems = status.all_problems();
  return {
      {"schema", 1}, {"ok", problems.empty()}, {"ports", std::move(ports)}, {"problems", problems}};
}

} // namespace mflux::ports
