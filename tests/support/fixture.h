#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mflux/artifacts/tensor.h"
#include "mflux/base/json.h"

namespace mflux::testing {

/// tests/fixtures/NAME.
std::filesystem::path fixture(const std::string& name);

/// One checkpoint of a dump and what its manifest says about it.
struct Checkpoint {
  std::string name;
  artifacts::Tensor tensor; ///< a crop when `slice` is not empty
  std::vector<std::pair<int64_t, int64_t>> slice{};
  double float64_rel_l2 = 0; ///< how far the reference's float32 is from its own float64
};

/// A dump's checkpoints in execution order.
std::vector<Checkpoint> read_dump(const std::filesystem::path& folder);

/// The checkpoint's values; fails the test when there is no such name.
const Checkpoint& find(const std::vector<Checkpoint>& dump, const std::string& name);

/// ‖got − want‖ / ‖want‖ in double; infinite when shapes differ or anything is not finite.
double relative_l2(const artifacts::Tensor& got, const artifacts::Tensor& want);

/// The bound that a float32 port is held to at a checkpoint: 3 × the reference's own error there,
/// but at least 2e-6.
double float32_bound(const Checkpoint& reference);

/// Compares a whole dump with the reference's: names in order, shapes, and relative_l2 within
/// float32_bound everywhere.
void expect_parity(const std::filesystem::path& port, const std::filesystem::path& reference);

} // namespace mflux::testing
