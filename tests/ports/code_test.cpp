// The code that a record covers, and the traces of debugging that it must not hold.
#include "mflux/ports/code.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/ports/checkout.h"
#include "mflux/ports/dump_use.h"
#include "ports/scratch_checkout.h"
#include "support/expect_error.h"

namespace mflux::ports {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Code : public ::testing::Test {
 protected:
  std::set<std::string> covered() const {
    return covered_code(checkout.path(), {"mflux/models/toy/net.h"});
  }

  std::string hash() const {
    return hash_of(checkout.path(), covered());
  }

  testing::ScratchCheckout checkout;
};

TEST_F(Code, IsWhatTheRootsIncludeAndTheSourcesBeside) {
  EXPECT_THAT(
      covered(),
      ElementsAre("mflux/models/toy/net.cpp", "mflux/models/toy/net.h", "mflux/nn/layer.h"));
}

TEST_F(Code, ARootThatDoesNotExistIsNamed) {
  EXPECT_THAT(
      error_of([&] { covered_code(checkout.path(), {"mflux/nn/gone.h"}); }),
      HasSubstr("mflux/nn/gone.h"));
}

TEST_F(Code, CommentsAndSpaceAreNoChange) {
  const auto before = hash();
  checkout.put("mflux/nn/layer.h", "#pragma once\n\n  // another comment\n  int layer();");
  EXPECT_EQ(hash(), before);
}

TEST_F(Code, AChangeFarBelowIsAChange) {
  const auto before = hash();
  checkout.put("mflux/nn/layer.h", "#pragma once\nlong layer();\n");
  EXPECT_NE(hash(), before);
}

TEST_F(Code, LinesDoNotRunTogether) {
  checkout.put("mflux/nn/layer.h", "ab\nc\n");
  const auto before = hash();
  checkout.put("mflux/nn/layer.h", "a\nbc\n");
  EXPECT_NE(hash(), before);
}

TEST_F(Code, AModelThatReadsADumpIsFoundWithItsLine) {
  EXPECT_THAT(dump_uses(checkout.path(), covered()), IsEmpty());
  checkout.put("mflux/models/toy/net.cpp", "int a;\nauto x = mx::load(\"ref\");\n");
  EXPECT_THAT(
      dump_uses(checkout.path(), covered()),
      ElementsAre(HasSubstr("mflux/models/toy/net.cpp:2: reads a file of tensors")));
}

TEST_F(Code, ARunnerMayReadADump) {
  const std::string reads = "#include \"mflux/artifacts/artifact.h\"\n";
  checkout.put("mflux/models/toy/port_net.cpp", reads);
  checkout.put("mflux/models/toy/portrait.cpp", reads);
  EXPECT_THAT(dump_uses(checkout.path(), {"mflux/models/toy/port_net.cpp"}), IsEmpty());
  EXPECT_THAT(
      dump_uses(checkout.path(), {"mflux/models/toy/portrait.cpp"}),
      ElementsAre(HasSubstr("portrait.cpp:1")));
}

TEST_F(Code, ACommentReadsNothing) {
  checkout.put("mflux/nn/layer.h", "  // as mx::load does\n");
  EXPECT_THAT(dump_uses(checkout.path(), covered()), IsEmpty());
}

TEST_F(Code, TheCheckoutIsFoundFromBelow) {
  EXPECT_EQ(find_checkout(checkout.path() / "mflux/models/toy"), checkout.path());
  EXPECT_THAT(error_of([] { find_checkout("/"); }), HasSubstr("no checkout of mflux.cpp"));
}

} // namespace
} // namespace mflux::ports
