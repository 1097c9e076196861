#include "mflux/parity/metrics/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/json.h"
#include "support/expect_error.h"
#include "support/metrics_json.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Tensor;

/// tools/reference/fixtures/metrics.py: pairs of tensors and their numbers as NumPy finds them.
class Golden {
 public:
  Golden() : json_(read_json(folder() + "metrics.json")) {
    const auto file = artifacts::open_artifact(folder() + "metrics.npz");
    for (size_t i = 0; i < file->tensors().size(); ++i) {
      tensors_[file->tensors()[i].name] = file->load(i);
    }
    for (const auto& pair : json_.at("tolerances")) {
      tolerances_.push_back({pair[0].get<double>(), pair[1].get<double>()});
    }
  }

  const Json& cases() const {
    return json_.at("cases");
  }

  const std::vector<Tolerance>& tolerances() const {
    return tolerances_;
  }

  Tensor tensor(const Json& one, const std::string& side) const {
    Tensor out = tensors_.at(one.at("name").get<std::string>() + "." + side);
    if (one.contains("dtype")) {
      out.dtype = one["dtype"] == "float8_e4m3" ? Dtype::float8_e4m3 : Dtype::float8_e5m2;
    }
    if (one.contains("slice")) {
      out = out.slice(one["slice"].get<std::vector<std::pair<int64_t, int64_t>>>());
    }
    return out;
  }

 private:
  static std::string folder() {
    return std::string(MFLUX_SOURCE_DIR) + "/tests/fixtures/parity/";
  }

  Json json_;
  std::map<std::string, Tensor> tensors_;
  std::vector<Tolerance> tolerances_;
};

const Golden& golden() {
  static const Golden out;
  return out;
}

double number(const Json& value) {
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

/// Absolute error allowed for numbers that subtract: in units of the tensors' scale.
double slack(const std::string& key, const Json& want) {
  if (key == "ref_mean" || key == "port_mean" || key == "intercept") {
    return (key == "intercept" ? 1e-9 : 1e-14) *
           std::max(number(want.at("ref_rms")), std::abs(number(want.at("port_mean"))));
  }
  return key == "cosine" || key == "centred_cosine" || key == "slope" ? 1e-13 : 0;
}

void expect_close(double got, double want, double relative, double absolute) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << got << " for " << want;
  } else {
    EXPECT_NEAR(got, want, absolute + relative * std::abs(want));
  }
}

void expect_worst(const Json& got, const Json& want) {
  EXPECT_EQ(got[0], want[0]);
  expect_close(number(got[1]), number(want[1]), 0, 0);
  expect_close(number(got[2]), number(want[2]), 0, 0);
}

/// Percentiles are read from bins an eighth of a binade wide.
void expect_percentiles(const Json& got, const Json& want) {
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_GE(number(got[i]), number(want[i][0]) * 0.875) << i;
    EXPECT_LE(number(got[i]), number(want[i][1]) * 1.125) << i;
  }
}

void expect_metrics(const Json& got, const Json& want) {
  for (const auto& [key, value] : want.items()) {
    SCOPED_TRACE(key);
    if (key == "worst") {
      expect_worst(got.at(key), value);
    } else if (key == "error_percentiles") {
      expect_percentiles(got.at(key), value);
    } else if (got.at(key).is_number_float() || (got.at(key).is_string() && value.is_number())) {
      expect_close(number(got.at(key)), number(value), 1e-11, slack(key, want));
    } else {
      EXPECT_EQ(got.at(key), value);
    }
  }
}

TEST(Metrics, MatchNumPy) {
  for (const Json& one : golden().cases()) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const auto ref = golden().tensor(one, "ref"), port = golden().tensor(one, "port");
    const auto got = measure(ref, port, golden().tolerances(), 1);
    expect_metrics(testing::to_json(got), one.at("metrics"));
  }
}

TEST(Metrics, SummariesMatchNumPy) {
  for (const Json& one : golden().cases()) {
    for (const std::string side : {"ref", "port"}) {
      SCOPED_TRACE(one.at("name").get<std::string>() + "." + side);
      const Json want = one.at(side + "_summary");
      const Json got = testing::to_json(summarize(golden().tensor(one, side), 1));
      for (const auto& [key, value] : want.items()) {
        if (value.is_number_float()) {
          expect_close(number(got.at(key)), number(value), 1e-12, 1e-14 * number(want.at("rms")));
        } else {
          EXPECT_EQ(got.at(key), value) << key;
        }
      }
    }
  }
}

template <typename T>
Tensor tensor_of(Dtype dtype, artifacts::Shape shape, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return artifacts::make_tensor(dtype, std::move(shape), {bytes.begin(), bytes.end()});
}

template <typename T>
std::vector<T> random_values(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<T> out(count);
  for (T& value : out) {
    value = normal(random);
  }
  return out;
}

constexpr int64_t kSeveralChunks = 600'007;

template <typename T>
void expect_same_for_all_threads(Dtype dtype) {
  auto values = random_values<T>(kSeveralChunks, 1);
  const Tensor ref = tensor_of(dtype, {kSeveralChunks}, values);
  for (size_t i = 0; i < values.size(); i += 3) {
    values[i] *= T(1.001);
  }
  const Tensor port = tensor_of(dtype, {kSeveralChunks}, values);
  const std::vector<Tolerance> tolerances{{1e-5, 1e-5}};
  const Json one = testing::to_json(measure(ref, port, tolerances, 1));
  const Json alone = testing::to_json(summarize(ref, 1));
  for (const int threads : {2, 3, 4, 5, 0}) {
    EXPECT_EQ(testing::to_json(measure(ref, port, tolerances, threads)), one) << threads;
    EXPECT_EQ(testing::to_json(summarize(ref, threads)), alone) << threads;
  }
}

TEST(Metrics, DoNotDependOnThreads) {
  expect_same_for_all_threads<float>(Dtype::float32);
  expect_same_for_all_threads<double>(Dtype::float64);
}

TEST(Metrics, HashesTellOrderShapeAndValuesApart) {
  const auto hash = [](const std::vector<float>& values, artifacts::Shape shape) {
    return summarize(tensor_of(Dtype::float32, std::move(shape), values)).hash;
  };
  auto values = random_values<float>(10'000, 2);
  const uint64_t plain = hash(values, {100, 100});
  EXPECT_EQ(hash(values, {100, 100}), plain);
  EXPECT_NE(hash(values, {10'000}), plain);
  std::swap(values[0], values[5000]);
  EXPECT_NE(hash(values, {100, 100}), plain);
  std::swap(values[0], values[5000]);
  std::rotate(values.begin(), values.begin() + 4096, values.begin() + 8192);
  EXPECT_NE(hash(values, {100, 100}), plain);
  std::rotate(values.begin(), values.begin() + 4096, values.begin() + 8192);
  values[9999] = std::nextafter(values[9999], 9.f);
  EXPECT_NE(hash(values, {100, 100}), plain);
  EXPECT_EQ(hash({0.f, 1.f}, {2}), hash({-0.f, 1.f}, {2}));
}

TEST(Metrics, HashesAreThoseOfTheSummaries) {
  for (const Json& one : golden().cases()) {
    const auto ref = golden().tensor(one, "ref"), port = golden().tensor(one, "port");
    const auto both = measure(ref, port, {}, 1);
    EXPECT_EQ(both.ref_hash, summarize(ref).hash) << one.at("name");
    EXPECT_EQ(both.port_hash, summarize(port).hash) << one.at("name");
  }
}

TEST(Metrics, HashesOfFloatsDoNotDependOnWidth) {
  const std::vector<uint16_t> halves{0x3f80, 0xc040, 0x0000, 0x7f80};
  const std::vector<float> floats{1, -3, 0, INFINITY};
  EXPECT_EQ(
      summarize(tensor_of(Dtype::bfloat16, {4}, halves)).hash,
      summarize(tensor_of(Dtype::float32, {4}, floats)).hash);
}

TEST(Metrics, ThePassingTolerancePasses) {
  auto values = random_values<float>(20'000, 3);
  const Tensor ref = tensor_of(Dtype::float32, {20'000}, values);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] += 1e-4f * static_cast<float>(std::sin(static_cast<double>(i)));
  }
  const Tensor port = tensor_of(Dtype::float32, {20'000}, values);
  const double t = measure(ref, port, {}).passing_tolerance;
  const double less = std::nextafter(t, 0.0);
  const std::vector<Tolerance> tolerances{{t, t}, {less, less}};
  EXPECT_EQ(measure(ref, port, tolerances).outside, (std::vector<int64_t>{0, 1}));
}

TEST(Metrics, ThePlainWayAgreesWithTheVectors) {
  // The same values as float64 take the plain way.
  const auto values = random_values<float>(9'000, 4), others = random_values<float>(9'000, 5);
  const std::vector<double> wide(values.begin(), values.end());
  const Tensor port = tensor_of(Dtype::float32, {9'000}, others);
  const auto fast = measure(tensor_of(Dtype::float32, {9'000}, values), port, {});
  const auto plain = measure(tensor_of(Dtype::float64, {9'000}, wide), port, {});
  EXPECT_EQ(fast.ulp_histogram, plain.ulp_histogram);
  EXPECT_EQ(fast.max_abs, plain.max_abs);
  EXPECT_NEAR(fast.max_rel, plain.max_rel, 1e-13 * plain.max_rel);
  EXPECT_NEAR(fast.rel_l2, plain.rel_l2, 1e-14);
}

/// Notes which bytes were given back.
class WatchedStorage : public artifacts::Storage {
 public:
  explicit WatchedStorage(std::vector<std::byte> bytes) : owned_(std::move(bytes)) {
    bytes_ = owned_;
  }

  void done_with(size_t begin, size_t end) const override {
    const std::lock_guard lock(mutex_);
    given_back_.emplace_back(begin, end);
  }

  /// Where the bytes from the first one on stop being given back.
  size_t given_back_up_to() {
    std::ranges::sort(given_back_);
    size_t at = 0;
    for (const auto& [begin, end] : given_back_) {
      at = begin <= at ? std::max(at, end) : at;
    }
    return at;
  }

 private:
  std::vector<std::byte> owned_;
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<size_t, size_t>> given_back_;
};

TEST(Metrics, GivesPagesBackBehindTheWindow) {
  const size_t bytes = kSeveralChunks * sizeof(float);
  const auto storage = std::make_shared<WatchedStorage>(std::vector<std::byte>(bytes));
  Tensor tensor = tensor_of(Dtype::float32, {1}, std::vector<float>{0});
  tensor.shape = {kSeveralChunks};
  tensor.storage = storage;
  measure(tensor, tensor, {}, 2);
  EXPECT_EQ(storage->given_back_up_to(), bytes);
}

TEST(Metrics, RefusesOtherShapesAndComplexAgainstReal) {
  const Tensor a = tensor_of(Dtype::float32, {2, 2}, std::vector<float>(4));
  const Tensor b = tensor_of(Dtype::float32, {4}, std::vector<float>(4));
  const Tensor c = tensor_of(Dtype::complex64, {4}, std::vector<float>(8));
  EXPECT_EQ(
      testing::error_of([&] { measure(a, b, {}); }), "cannot compare the shapes [2, 2] and [4]");
  EXPECT_EQ(
      testing::error_of([&] { measure(b, c, {}); }),
      "cannot compare float32 with complex64: both or none must be complex");
}

} // namespace
} // namespace mflux::parity
