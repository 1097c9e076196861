#include "mflux/artifacts/names.h"

#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using ::testing::HasSubstr;

TEST(CheckName, SaysWhatIsWrong) {
  check_name("a/b\n");
  EXPECT_THAT(error_of([] { check_name(""); }), HasSubstr("empty"));
  EXPECT_THAT(error_of([] { check_name(std::string_view("a\0", 2)); }), HasSubstr("NUL"));
  EXPECT_THAT(error_of([] { check_name("\xff"); }), HasSubstr("UTF-8"));
}

} // namespace
} // namespace mflux::artifacts
