#include "mflux/parity/tolerance.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

class ToleranceFile : public ::testing::Test {
 protected:
  std::vector<ToleranceRule> rules_of(const std::string& text) const {
    write_file(folder / "parity.toml", text);
    return read_tolerances(folder / "parity.toml");
  }

  std::string error_for(const std::string& text) const {
    return error_of([&] { rules_of(text); });
  }

  TemporaryFolder folder;
};

TEST_F(ToleranceFile, TheLastRuleThatMatchesWins) {
  const auto rules = rules_of(
      "[provenance]\ngenerator = 'x'\n"
      "[[tolerance]]\nmatch = '*'\natol = 1\nrtol = 2e-1\n"
      "[[tolerance]]\nmatch = 'vae.decode'\natol = 3\nrtol = 4\n"
      "[[tolerance]]\nmatch = 'latents'\natol = 5\nrtol = 6\n");
  const auto atol = [&](const char* name) {
    return rule_for(rules, parse_name(name))->tolerance.atol;
  };
  EXPECT_EQ(atol("image"), 1);
  EXPECT_EQ(atol("vae.decoder.conv_in"), 3); // of the component vae.decode
  EXPECT_EQ(atol("latents@step=3"), 5);
  EXPECT_EQ(rule_for(rules, parse_name("image"))->tolerance.rtol, 0.2);
  EXPECT_EQ(rule_for({}, parse_name("image")), nullptr);
}

TEST_F(ToleranceFile, ErrorsNameTheLine) {
  EXPECT_THAT(
      error_for("\n[[tolerance]]\nmatch = '*'\natol = 1\n"),
      HasSubstr("parity.toml: line 2: \"rtol\" is missing"));
  EXPECT_THAT(
      error_for("[[tolerance]]\nname = '*'\natol = 1\nrtol = 1"),
      HasSubstr("unknown key \"name\""));
  EXPECT_THAT(
      error_for("[[tolerance]]\nmatch = '*'\natol = -1\nrtol = 1"),
      HasSubstr("atol must be a number"));
  EXPECT_THAT(
      error_for("[[tolerance]]\nmatch = '*'\natol = 1\nrtol = nan"),
      HasSubstr("rtol must be a number"));
  EXPECT_THAT(
      error_for("[[tolerance]]\nmatch = 3\natol = 1\nrtol = 1"), HasSubstr("match must be a text"));
  EXPECT_THAT(error_for("tolerance = 'x"), HasSubstr("not valid TOML"));
  EXPECT_THAT(error_for("[tolerance]\nmatch = '*'"), HasSubstr("expected [[tolerance]] tables"));
  EXPECT_THAT(error_of([&] { read_tolerances(folder / "none.toml"); }), HasSubstr("none.toml"));
}

TEST(ComponentPrecision, IsWhatMostElementsAre) {
  ComponentPrecision precision;
  precision.add("vae.decode", Dtype::float32, 60);
  precision.add("vae.decode", Dtype::bfloat16, 40);
  precision.add("transformer", Dtype::bfloat16, 60);
  precision.add("transformer", Dtype::float32, 40);
  EXPECT_EQ(precision.of("vae.decode").dtype, Dtype::float32);
  EXPECT_DOUBLE_EQ(precision.of("vae.decode").share, 0.6);
  EXPECT_EQ(precision.of("transformer").dtype, Dtype::bfloat16);
  EXPECT_EQ(precision.of("scheduler").dtype, Dtype::float32);
}

TEST(HalfLike, AreTheNarrowFloats) {
  EXPECT_TRUE(is_half_like(Dtype::float16));
  EXPECT_TRUE(is_half_like(Dtype::float8_e4m3));
  EXPECT_FALSE(is_half_like(Dtype::float32));
  EXPECT_FALSE(is_half_like(Dtype::int8));
}

} // namespace
} // namespace mflux::parity
