#pragma once

#include <string>
#include <vector>

#include "mflux/base/atomic_file.h"
#include "mflux/ports/measurement.h"
#include "mflux/ports/results.h"
#include "mflux/ports/status.h"
#include "support/temporary_folder.h"

namespace mflux::testing {

/// A checkout with one port, "toy", of one component, "net", whose code is three files.
class ScratchCheckout {
 public:
  ScratchCheckout() {
    put("CMakeLists.txt", "project(mflux)");
    put("mflux/models/registry.cpp", "// toy");
    put("mflux/models/toy/net.h", "#pragma once\n#include \"mflux/nn/layer.h\"\n");
    put("mflux/models/toy/net.cpp",
        "#include \"mflux/models/toy/net.h\"\nint net() { return 1; }\n");
    put("mflux/nn/layer.h", "#pragma once\n// a layer\nint layer();\n");
    put("mflux/nn/unused.h", "#pragma once\n");
    put("tests/net_test.cpp", "TEST(Net, MatchesTheReference) {}\nTEST(Net, Published) {}\n");
    put(kPort, port_toml(""));
  }

  std::filesystem::path path() const {
    return folder_ / "checkout";
  }

  void put(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((path() / file).parent_path());
    write_file(path() / file, text);
  }

  /// The port's file; `more` are further lines of its component.
  static std::string port_toml(const std::string& more) {
    return "[[port]]\nname = \"toy\"\nreference = \"torch.nn.Linear\"\nversion = \"torch 2.13.0\"\n"
           "[[component]]\nname = \"net\"\nreference = \"torch.nn.Linear\"\nconfig = "
           "\"config.json\"\n"
           "code = [\"mflux/models/toy/net.h\"]\ncheckpoints = [\"net*\"]\ntests = "
           "[\"toy.Net.*\"]\n"
           "parity = \"float32\"\ntolerance = 1e-5\n" +
           more;
  }

  /// Keeps what was measured at commit "abc", as ./dev record does.
  ports::Recorded record(const std::vector<ports::Measurement>& all) const {
    const auto measured = folder_ / "measured";
    std::filesystem::remove_all(measured);
    std::filesystem::create_directories(measured);
    for (size_t i = 0; i < all.size(); ++i) {
      write_file(measured / (std::to_string(i) + ".json"), ports::to_json(all[i]).dump());
    }
    return ports::record(path(), measured, "abc");
  }

  ports::Status status() const {
    return ports::status_of(path(), {"toy"});
  }

  ports::ComponentStatus net() const {
    return status().ports.at(0).components.at(0);
  }

  static constexpr const char* kPort = "mflux/models/toy/port.toml";

 private:
  TemporaryFolder folder_;
};

inline ports::Measurement measured(ports::Measurement::Kind kind) {
  return {
      .kind = kind,
      .test = "toy.Net.MatchesTheReference",
      .source = "tests/net_test.cpp",
      .what = "tests/fixtures/net",
      .date = "2026-11-24",
      .passed = true,
      .count = 7,
      .rel_l2 = 2e-6,
      .worst = "net.layer",
      .milliseconds = 40,
      .ratio = 1.1};
}

} // namespace mflux::testing
