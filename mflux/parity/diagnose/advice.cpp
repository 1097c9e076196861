#include "mflux/parity/diagnose/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace mflux::parity {
namespace {

/// Whether a module below this one was dumped.
bool has_children(const Case& at) {
  const std::string prefix = at.module() + ".";
  return std::any_of(at.scene.rows().begin(), at.scene.rows().end(), [&](const Row& row) {
    const Name& name = row.ref->name;
    return name.path.rfind(prefix, 0) == 0 && name.step == at.name().step;
  });
}

std::string join_ids(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) {
    text += (text.empty() ? "" : ", ") + id;
  }
  return text;
}

} // namespace

std::vector<std::string> advice_for(const Case& at, const std::vector<Proposals::Need>& needs) {
  std::vector<std::string> out;
  const std::string& path = at.module();
  const bool is_module = at.name().role == Role::out && component_of(at.name()) != "pipeline";
  if (is_module && at.inputs().empty()) {
    out.push_back(fmt::format(
        "dump the inputs of {} on both sides (Capture(inputs=True), --capture with --inputs): with "
        "them it is known whether the error begins here",
        path));
  }
  if (is_module && !has_children(at)) {
    out.push_back(fmt::format(
        "dump what lies inside {} on both sides (taps \"{}.*\"): nothing below it was",
        path,
        path));
  }
  std::map<std::string, std::vector<std::string>> by_what;
  for (const auto& need : needs) {
    auto& ids = by_what[need.what];
    if (std::find(ids.begin(), ids.end(), need.id) == ids.end()) {
      ids.push_back(need.id);
    }
  }
  for (const auto& [what, ids] : by_what) {
    out.push_back(fmt::format("dump {}: {} can be tried then", what, join_ids(ids)));
  }
  return out;
}

} // namespace mflux::parity
