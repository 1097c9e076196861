// metrics_tool THREADS REF PORT [ATOL RTOL]…  prints the metrics of each pair of equally named
// tensors of two artifacts, and the summary of each one, as JSON. What
// tests/reference/test_metrics.py compares with NumPy. Exit 2 on Error.
#include <cstdio>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"
#include "support/metrics_json.h"

namespace mflux::testing {
namespace {

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3 || arguments.size() % 2 == 0) {
    std::fputs("usage: metrics_tool THREADS REF PORT [ATOL RTOL]...\n", stderr);
    return 1;
  }
  const int threads = std::stoi(arguments[0]);
  const auto ref = artifacts::open_artifact(arguments[1]);
  const auto port = artifacts::open_artifact(arguments[2]);
  std::vector<parity::Tolerance> tolerances;
  for (size_t i = 3; i < arguments.size(); i += 2) {
    tolerances.push_back({std::stod(arguments[i]), std::stod(arguments[i + 1])});
  }
  Json out = Json::object();
  for (size_t i = 0; i < ref->tensors().size(); ++i) {
    for (size_t j = 0; j < port->tensors().size(); ++j) {
      if (ref->tensors()[i].name == port->tensors()[j].name) {
        const auto a = ref->load(i), b = port->load(j);
        out[ref->tensors()[i].name] = {
            {"metrics", to_json(parity::measure(a, b, tolerances, threads))},
            {"ref", to_json(parity::summarize(a, threads))},
            {"port", to_json(parity::summarize(b, threads))}};
      }
    }
  }
  std::puts(out.dump().c_str());
  return 0;
}

} // namespace
} // namespace mflux::testing

int main(int argc, char** argv) {
  try {
    return mflux::testing::run({argv + 1, argv + argc});
  } catch (const mflux::Error& error) {
    std::fprintf(stderr, "%s\n", mflux::one_line(error).c_str());
    return 2;
  }
}
