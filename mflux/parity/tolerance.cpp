#include "mflux/parity/tolerance.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/base/toml_tables.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;

double number(const toml::table& table, std::string_view key) {
  const auto value = table[key].value<double>();
  if (!value || !std::isfinite(*value) || *value < 0) {
    throw Error(fmt::format("{} must be a number that is not negative", key));
  }
  return *value;
}

} // namespace

std::vector<ToleranceRule> read_tolerances(const std::filesystem::path& path) {
  std::vector<ToleranceRule> rules;
  const auto visit = [&](const toml::table& table) {
    const std::string match = text_of(table, "match");
    rules.push_back(
        {match,
         {number(table, "atol"), number(table, "rtol")},
         fmt::format("{}, {}", path.filename().string(), match)});
    if (table.contains("max_ratio")) {
      rules.back().max_ratio = number(table, "max_ratio");
    }
  };
  for_each_table(path, "tolerance", {"match", "atol", "rtol"}, visit, {"max_ratio"});
  return rules;
}

bool is_match(const ToleranceRule& rule, const Name& name) {
  return glob_match(rule.match, canonical(name)) || glob_match(rule.match, without_step(name)) ||
         glob_match(rule.match, component_of(name));
}

const ToleranceRule* rule_for(const std::vector<ToleranceRule>& rules, const Name& name) {
  const auto rule = std::find_if(
      rules.rbegin(), rules.rend(), [&](const ToleranceRule& r) { return is_match(r, name); });
  return rule == rules.rend() ? nullptr : &*rule;
}

bool is_half_like(Dtype dtype) {
  return is_floating(dtype) && size_of(dtype) <= 2;
}

void ComponentPrecision::add(const std::string& component, Dtype effective, int64_t elements) {
  elements_[component][effective] += elements;
}

ComponentPrecision::Decision ComponentPrecision::of(const std::string& component) const {
  const auto found = elements_.find(component);
  if (found == elements_.end()) {
    return {};
  }
  double half = 0, total = 0;
  Decision decision;
  int64_t most_half = -1, most_full = -1;
  Dtype common_half = Dtype::float16, common_full = Dtype::float32;
  for (const auto& [dtype, count] : found->second) {
    const bool is_half = is_half_like(dtype);
    total += static_cast<double>(count);
    half += is_half ? static_cast<double>(count) : 0;
    int64_t& most = is_half ? most_half : most_full;
    if (count > most) {
      most = count;
      (is_half ? common_half : common_full) = dtype;
    }
  }
  const bool is_half = half * 2 > total;
  decision.dtype = is_half ? common_half : common_full;
  decision.share = total > 0 ? (is_half ? half : total - half) / total : 1;
  return decision;
}

} // namespace mflux::parity
