#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "support/dumps.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux::testing {

/// Runs `mflux parity` in a folder of its own.
class ParityCommand : public ::testing::Test {
 protected:
  /// `arguments` as a shell takes them, in the test's folder.
  CommandResult run(const std::string& arguments) const {
    return run_shell(fmt::format(
        "cd {} && {} parity {}", quoted(folder.path().string()), quoted(MFLUX_BINARY), arguments));
  }

  /// Exit 2, one line on standard error that holds `seen`, nothing else.
  void expect_refused(const std::string& arguments, const std::string& seen) const {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments << outcome.err;
    EXPECT_THAT(outcome.out, ::testing::IsEmpty()) << arguments;
    EXPECT_THAT(
        outcome.err,
        ::testing::AllOf(::testing::StartsWith("mflux: "), ::testing::HasSubstr(seen)));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }

  TemporaryFolder folder;
};

} // namespace mflux::testing
