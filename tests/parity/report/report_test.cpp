#include "mflux/parity/report/report.h"

#include "gmock/gmock.h"
#include "mflux/base/json.h"
#include "mflux/parity/report/base64.h"
#include "mflux/parity/report/page_json.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using artifacts::write_npz;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReportTest : public ::testing::Test {
 protected:
  Comparison compared(
      const std::vector<NamedTensor>& ref,
      const std::vector<NamedTensor>& port,
      const std::vector<std::string>& allow_missing = {}) {
    write_npz(folder / "ref.npz", ref);
    write_npz(folder / "mlx\xff.npz", port); // no UTF-8: a path may hold any bytes
    return compare({folder / "ref.npz", folder / "mlx\xff.npz", {}, {}, allow_missing, 1});
  }

  /// The text of a <script> of the page.
  static std::string block(const std::string& page, const std::string& id) {
    const auto begin = page.find('>', page.find("id=\"" + id + "\"")) + 1;
    return page.substr(begin, page.find("</script>", begin) - begin);
  }

  TemporaryFolder folder;
};

TEST_F(ReportTest, ThePageHoldsEveryCheckpointAndTheVerdict) {
  auto wrong = normal(100, 1);
  wrong[7] += 1;
  const auto page = report_html(
      compared({row("a", {1}), row("b", normal(100, 1))}, {row("a", {1}), row("b", wrong)}),
      {"9.8.7", 1});
  const Json run = parse_json(block(page, "run"));
  EXPECT_EQ(run["verdict"], "FAIL");
  EXPECT_EQ(run["version"], "9.8.7");
  EXPECT_EQ(run["rows"]["name"], Json({"a", "b"}));
  EXPECT_EQ(run["rows"]["verdict"], Json({"PASS", "FAIL"}));
  EXPECT_EQ(run["first"]["row"], 1);
  const auto details = block(page, "details");
  const Json second = parse_json(details.substr(details.find('\n') + 1));
  EXPECT_EQ(second["name"], "b");
  EXPECT_EQ(second["worst_elements"][0][0], 7);
}

TEST_F(ReportTest, ThePageDoesNotDependOnTheThreads) {
  std::vector<NamedTensor> ref, port;
  for (unsigned i = 0; i < 30; ++i) {
    ref.push_back(row(std::to_string(i), normal(5000, i)));
    port.push_back(row(std::to_string(i), normal(5000, i + i % 3)));
  }
  const auto result = compared(ref, port);
  EXPECT_EQ(report_html(result, {"1", 1}), report_html(result, {"1", 4}));
}

TEST_F(ReportTest, NoNameCanCloseTheScript) {
  const std::string name = "</script><script>alert(1)</script>\"'&\x01";
  const auto page = report_html(compared({row(name, {1})}, {row(name, {2})}), {"1", 1});
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script>alert")), Not(HasSubstr("\xff"))));
  const Json run = parse_json(block(page, "run"));
  EXPECT_EQ(run["rows"]["name"][0], "</script><script>alert(1)</script>\"'&\\x01");
  EXPECT_THAT(run["port"]["path"].get<std::string>(), HasSubstr("mlx\\xff.npz"));
}

TEST_F(ReportTest, WhatIsNotFiniteIsText) {
  EXPECT_EQ(
      for_page(Json::array({1.0 / 3, 1e300 * 1e300, -1e300 * 1e300, 0.1f})),
      Json::array({0.333333333, "inf", "-inf", 0.100000001}));
}

TEST_F(ReportTest, JUnitFailsExactlyWhereTheVerdictComesFrom) {
  const auto text = report_junit(compared(
      {row("a", {1}), row("b", {1, 2}), row("c", {5}), row("d", {5})},
      {row("a", {1}), row("b", {1, 3})},
      {"d"}));
  EXPECT_THAT(text, HasSubstr("tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(text, HasSubstr("name=\"a\" time=\"0\"/>"));
  EXPECT_THAT(
      text, HasSubstr("<failure type=\"FAIL\" message=\"FAIL: atol 1e-05 rtol 1e-05, default for"));
  EXPECT_THAT(text, HasSubstr("worst at flat index 1: 2 in the reference, 3 in the port"));
  EXPECT_THAT(text, HasSubstr("<failure type=\"MISSING\""));
  EXPECT_THAT(text, HasSubstr("<skipped message=\"MISSING: the port has no such checkpoint\"/>"));
}

TEST_F(ReportTest, JUnitHoldsNoCharacterThatXmlForbids) {
  const std::string name = "a<b>\"&\x02\xef\xbf\xbf";
  const auto text = report_junit(compared({row(name, {1})}, {row(name, {2})}));
  EXPECT_THAT(text, HasSubstr("name=\"a&lt;b&gt;&quot;&amp;\\x02\\uffff\""));
  EXPECT_THAT(text, AllOf(HasSubstr("mlx\\xff.npz"), Not(HasSubstr("\xff"))));
}

TEST(Base64Test, AsTheRfcHasIt) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

} // namespace
} // namespace mflux::parity
