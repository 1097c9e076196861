// port.toml as it should be, and what is said of one that is not.
#include "mflux/ports/port_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ports/scratch_checkout.h"
#include "support/expect_error.h"

namespace mflux::ports {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScratchCheckout;

constexpr const char* kFolder = "mflux/models/toy";

TEST(PortFile, SaysWhatAPortIs) {
  ScratchCheckout checkout;
  checkout.put(
      checkout.kPort,
      checkout.port_toml("speed_ms = 90\nspeed_of = \"one step\"\npeak_ratio = 1.5\n"));
  const auto port = read_port_file(checkout.path(), kFolder);
  EXPECT_EQ(port.name, "toy");
  EXPECT_EQ(port.version, "torch 2.13.0");
  ASSERT_EQ(port.components.size(), 1u);
  const auto& net = port.components[0];
  EXPECT_EQ(net.config, "config.json");
  EXPECT_THAT(net.checkpoints, ElementsAre("net*"));
  EXPECT_EQ(net.tolerance, 1e-5);
  EXPECT_EQ(net.targets.milliseconds, 90);
  EXPECT_EQ(net.targets.peak_ratio, 1.5);
}

struct Bad {
  const char *from, *to, *said;
};

class BadPortFile : public ::testing::TestWithParam<Bad> {};

TEST_P(BadPortFile, IsRefusedInOneLineWithItsName) {
  const auto [from, to, said] = GetParam();
  ScratchCheckout checkout;
  auto text = checkout.port_toml("");
  ASSERT_NE(text.find(from), std::string::npos);
  text.replace(text.find(from), std::string(from).size(), to);
  checkout.put(checkout.kPort, text);
  EXPECT_THAT(
      testing::error_of([&] { read_port_file(checkout.path(), kFolder); }),
      AllOf(HasSubstr("port.toml"), HasSubstr(said)));
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    BadPortFile,
    ::testing::Values(
        Bad{"tolerance = 1e-5", "tolerance = 0", "tolerance must be a number above 0"},
        Bad{"tolerance = 1e-5", "tolerance = nan", "tolerance must be a number above 0"},
        Bad{"tolerance = 1e-5", "tolerances = 1", "toleranc"},
        Bad{"tests = [\"toy.Net.*\"]", "tests = \"toy\"", "tests must be a list of texts"},
        Bad{"tests = [\"toy.Net.*\"]", "tests = [\"\"]", "that are not empty"},
        Bad{"name = \"net\"", "name = \"../net\"", "expected a-z, 0-9 and _"},
        Bad{"tolerance = 1e-5", "tolerance = 1e-5\nspeed_ms = 4", "belong together"},
        Bad{"[[component]]",
            "[[port]]\nname = \"b\"\nreference = \"b\"\nversion = \"b\"\n[[component]]",
            "a second [[port]]"},
        Bad{"[[port]]", "[[port", "port.toml"}));

TEST(PortFile, TwoComponentsOfOneNameAreRefused) {
  ScratchCheckout checkout;
  const auto text = checkout.port_toml("");
  checkout.put(checkout.kPort, text + text.substr(text.find("[[component]]")));
  EXPECT_THAT(
      testing::error_of([&] { read_port_file(checkout.path(), kFolder); }),
      HasSubstr("a second component \"net\""));
}

} // namespace
} // namespace mflux::ports
