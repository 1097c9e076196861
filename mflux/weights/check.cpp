#include "mflux/weights/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mflux/base/glob.h"
#include "mflux/base/nearest.h"

namespace mflux {
namespace {

using Infos = std::map<std::string, const artifacts::TensorInfo*>;

artifacts::Shape plain(const mx::Shape& shape) {
  return {shape.begin(), shape.end()};
}

/// The name among `candidates` that was perhaps meant.
std::string hint(const std::string& name, const std::vector<std::string>& candidates) {
  const auto near = nearest(name, candidates);
  return near.empty() ? "" : fmt::format("; the nearest is {}", near);
}

void check_present(
    const std::string& name,
    const artifacts::Shape& expected,
    const artifacts::TensorInfo& info,
    std::vector<Misfit>& out) {
  if (info.shape != expected) {
    out.push_back(
        {"misshapen",
         name,
         fmt::format(
             "{}, expected {}", artifacts::to_string(info.shape), artifacts::to_string(expected))});
  } else if (!artifacts::is_floating(info.dtype)) {
    out.push_back(
        {"mistyped",
         name,
         fmt::format("{}, expected floating-point numbers", artifacts::name_of(info.dtype))});
  }
}

} // namespace

Fit check_fit(const Declared& declared, const artifacts::Artifact& checkpoint) {
  Fit fit;
  std::vector<std::string> missing, unused;
  Infos infos;
  for (const auto& info : checkpoint.tensors()) {
    infos.emplace(info.name, &info);
    if (declared.parameters.contains(info.name)) {
      continue;
    }
    const bool by_design = std::any_of(
        declared.unused_by_design.begin(), declared.unused_by_design.end(), [&](const auto& glob) {
          return glob_match(glob, info.name);
        });
    (by_design ? fit.unused_by_design : unused).push_back(info.name);
  }
  for (const auto& [name, shape] : declared.parameters) {
    if (const auto found = infos.find(name); found == infos.end()) {
      missing.push_back(name);
    } else {
      check_present(name, plain(shape), *found->second, fit.misfits);
    }
  }
  for (const auto& name : missing) {
    const auto shape = artifacts::to_string(plain(declared.parameters.at(name)));
    fit.misfits.push_back({"missing", name, shape + hint(name, unused)});
  }
  for (const auto& name : unused) {
    const auto shape = artifacts::to_string(infos.at(name)->shape);
    fit.misfits.push_back({"unused", name, shape + hint(name, missing)});
  }
  std::sort(fit.misfits.begin(), fit.misfits.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  std::sort(fit.unused_by_design.begin(), fit.unused_by_design.end());
  return fit;
}

} // namespace mflux
