#include "mflux/parity/output/table.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using artifacts::write_npz;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Not;

class TableTest : public ::testing::Test {
 protected:
  std::string table(
      const std::vector<NamedTensor>& ref,
      const std::vector<NamedTensor>& port,
      const TableOptions& options = {}) {
    write_npz(folder / "ref.npz", ref);
    write_npz(folder / "mlx.npz", port);
    return format_table(compare({folder / "ref.npz", folder / "mlx.npz", {}, {}, {}, 1}), options);
  }

  TemporaryFolder folder;
};

TEST_F(TableTest, TheFailureComesFirstAndTheVerdictLast) {
  const auto text =
      table({row("a", {1, 2}), row("b", {3, 4})}, {row("a", {1, 2}), row("b", {3, 5})});
  EXPECT_THAT(text.find("FAIL     b"), Lt(text.find("PASS     a")));
  EXPECT_THAT(text, HasSubstr("First divergence: b"));
  EXPECT_THAT(text, HasSubstr("atol 1e-05 rtol 1e-05, default for float32"));
  EXPECT_THAT(text, EndsWith("FAIL  2 of 2 checkpoints compared: 1 FAIL, 1 PASS\n"));
}

TEST_F(TableTest, ShowsTheFirstTenValuesOfBothSides) {
  auto wrong = normal(64, 1);
  wrong[40] += 1;
  const auto text = table({row("a", normal(64, 1))}, {row("a", wrong)});
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(text, HasSubstr(fmt::format("{:.4g}", wrong[static_cast<size_t>(i)]).substr(0, 5)));
  }
  EXPECT_THAT(text, HasSubstr("worst at flat index 40"));
}

TEST_F(TableTest, NamesOnlyAFewThatOnlyThePortHas) {
  std::vector<NamedTensor> port{row("a", {1})};
  for (int i = 0; i < 50; ++i) {
    port.push_back(row(fmt::format("extra_{}", i), {1}));
  }
  const auto text = table({row("a", {1})}, port, {.coloured = false, .all = true});
  EXPECT_THAT(text, HasSubstr("Only in the port (50): extra_0, "));
  EXPECT_THAT(text, Not(HasSubstr("extra_49")));
}

TEST_F(TableTest, ColoursOnlyWhenAsked) {
  EXPECT_THAT(table({row("a", {1})}, {row("a", {2})}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(
      table({row("a", {1})}, {row("a", {2})}, {.coloured = true, .all = false}),
      HasSubstr("\x1b["));
}

TEST_F(TableTest, SaysThatACropWasCompared) {
  std::filesystem::create_directory(folder / "ref");
  write_npz(folder.path() / "ref" / "x.npz", {row("a", {2, 3})});
  write_file(
      folder.path() / "ref" / "manifest.json",
      R"({"schema": 1, "checkpoints": [{"name": "a", "file": "x.npz", "key": "a",
          "slice": [[1, 3]]}]})");
  write_npz(folder / "mlx.npz", {row("a", {1, 2, 3, 4})});
  const auto comparison = compare({folder / "ref", folder / "mlx.npz", {}, {}, {}, 1});
  EXPECT_THAT(format_table(comparison, {}), HasSubstr("PASS     a           [2] crop"));
}

} // namespace
} // namespace mflux::parity
