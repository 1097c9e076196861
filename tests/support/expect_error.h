#pragma once

#include <string>

#include "gtest/gtest.h"
#include "mflux/base/error.h"

namespace mflux::testing {

/// The one-line message of the Error that `work` throws; the test fails if it throws none.
template <typename Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return one_line(error);
  }
  ADD_FAILURE() << "expected an mflux::Error";
  return {};
}

} // namespace mflux::testing
