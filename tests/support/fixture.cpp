#include "support/fixture.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "support/measured.h"

namespace mflux::testing {
namespace {

artifacts::Tensor load(const std::filesystem::path& file, const std::string& key) {
  const auto artifact = artifacts::open_artifact(file);
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    if (artifact->tensors()[i].name == key) {
      return artifact->load(i);
    }
  }
  throw std::runtime_error(file.string() + " has no " + key);
}

std::vector<std::string> names_of(const std::vector<Checkpoint>& dump) {
  std::vector<std::string> names;
  for (const auto& checkpoint : dump) {
    names.push_back(checkpoint.name);
  }
  return names;
}

} // namespace

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(MFLUX_SOURCE_DIR) / "tests" / "fixtures" / name;
}

std::vector<Checkpoint> read_dump(const std::filesystem::path& folder) {
  std::vector<Checkpoint> dump;
  const Json manifest = read_json(folder / "manifest.json");
  for (const auto& entry : manifest.at("checkpoints")) {
    const std::string file = entry.at("file"), key = entry.at("key");
    dump.push_back({.name = entry.at("name"), .tensor = load(folder / file, key)});
    if (entry.contains("slice")) {
      dump.back().slice = entry["slice"].get<std::vector<std::pair<int64_t, int64_t>>>();
    }
    dump.back().float64_rel_l2 = entry.value("float64_rel_l2", 0.0);
  }
  return dump;
}

const Checkpoint& find(const std::vector<Checkpoint>& dump, const std::string& name) {
  for (const auto& checkpoint : dump) {
    if (checkpoint.name == name) {
      return checkpoint;
    }
  }
  throw std::runtime_error("the dump has no " + name);
}

double relative_l2(const artifacts::Tensor& got, const artifacts::Tensor& want) {
  if (got.shape != want.shape) {
    return std::numeric_limits<double>::infinity();
  }
  double error = 0, scale = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    const double expected = artifacts::value_at(want, i);
    const double difference = artifacts::value_at(got, i) - expected;
    error += difference * difference;
    scale += expected * expected;
  }
  if (!std::isfinite(error) || !std::isfinite(scale)) {
    return std::numeric_limits<double>::infinity();
  }
  return error == 0 ? 0 : std::sqrt(error / scale);
}

double float32_bound(const Checkpoint& reference) {
  return std::max(2e-6, 3 * reference.float64_rel_l2);
}

void expect_parity(const std::filesystem::path& port, const std::filesystem::path& reference) {
  const auto ours = read_dump(port), theirs = read_dump(reference);
  ASSERT_THAT(names_of(ours), ::testing::ElementsAreArray(names_of(theirs)));
  ASSERT_FALSE(theirs.empty());
  ports::Measurement measured{
      .kind = ports::Measurement::Kind::fixture,
      .what = in_checkout(reference),
      .passed = true,
      .count = static_cast<int64_t>(theirs.size()),
      .worst = theirs.front().name};
  for (size_t i = 0; i < theirs.size(); ++i) {
    const auto& want = theirs[i];
    const auto got = want.slice.empty() ? ours[i].tensor : ours[i].tensor.slice(want.slice);
    const double error = relative_l2(got, want.tensor);
    EXPECT_LE(error, float32_bound(want)) << want.name;
    measured.passed &= error <= float32_bound(want);
    if (error > measured.rel_l2) {
      measured.rel_l2 = error;
      measured.worst = want.name;
    }
  }
  write_measurement(measured);
}

} // namespace mflux::testing
