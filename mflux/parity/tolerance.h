#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mflux/artifacts/dtype.h"
#include "mflux/parity/dumps/names.h"
#include "mflux/parity/metrics/metrics.h"

namespace mflux::parity {

inline constexpr Tolerance kFloat32Tolerance{1e-5, 1e-5};
inline constexpr Tolerance kHalfTolerance{1e-2, 1e-2}; ///< float16, bfloat16 and narrower

/// A [[tolerance]] of parity.toml.
struct ToleranceRule {
  std::string match; ///< glob over checkpoint names and components
  Tolerance tolerance;
  std::string origin;                   ///< "parity.toml, vae.*"
  std::optional<double> max_ratio = {}; ///< with ref32: instead of the run's
};

/// Reads parity.toml. Throws Error (one line) on anything but [[tolerance]] tables of match, atol
/// and rtol, both finite and not negative, and perhaps max_ratio. Other top-level tables are left
/// alone.
std::vector<ToleranceRule> read_tolerances(const std::filesystem::path& path);

/// Whether it matches the name (with or without its step) or its component.
bool is_match(const ToleranceRule& rule, const Name& name);

/// The last rule that matches; or null.
const ToleranceRule* rule_for(const std::vector<ToleranceRule>& rules, const Name& name);

/// Whether the 1e-2 default is for this effective dtype.
bool is_half_like(artifacts::Dtype dtype);

/// Decides per component over the run: its effective dtype is the one that most of its floating
/// elements were rounded to on the coarser side.
class ComponentPrecision {
 public:
  void add(const std::string& component, artifacts::Dtype effective, int64_t elements);

  struct Decision {
    artifacts::Dtype dtype = artifacts::Dtype::float32;
    double share = 1; ///< of the component's floating elements, at this precision or coarser
  };

  Decision of(const std::string& component) const;

 private:
  std::map<std::string, std::map<artifacts::Dtype, int64_t>> elements_;
};

} // namespace mflux::parity
