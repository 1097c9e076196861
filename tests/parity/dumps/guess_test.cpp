#include "mflux/parity/dumps/guess.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::NamedTensor;
using artifacts::write_npz;
using mflux::testing::floats;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using mflux::testing::tensor_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<float> moved(std::vector<float> values, float by, unsigned seed) {
  const auto noise = normal(values.size(), seed);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] += by * noise[i];
  }
  return values;
}

class Guess : public ::testing::Test {
 protected:
  /// "ref=port" of every guess.
  std::vector<std::string> guesses(
      const std::vector<NamedTensor>& ref, const std::vector<NamedTensor>& port) {
    write_npz(folder / "ref.npz", ref);
    write_npz(folder / "mlx.npz", port);
    const Dump a = Dump::open(folder / "ref.npz"), b = Dump::open(folder / "mlx.npz");
    Matching matching;
    matching.missing.resize(a.checkpoints().size());
    matching.extra.resize(b.checkpoints().size());
    std::iota(matching.missing.begin(), matching.missing.end(), 0);
    std::iota(matching.extra.begin(), matching.extra.end(), 0);
    guess_by_values(a, b, matching);
    std::vector<std::string> out;
    for (const auto& pair : matching.pairs) {
      EXPECT_EQ(pair.by, MatchedBy::guess);
      out.push_back(a.checkpoints()[pair.ref].text + "=" + b.checkpoints()[pair.port].text);
    }
    EXPECT_EQ(matching.missing.size(), ref.size() - out.size());
    EXPECT_EQ(matching.extra.size(), port.size() - out.size());
    return out;
  }

  TemporaryFolder folder;
  const std::vector<float> a = normal(300, 1), b = normal(300, 2);
};

TEST_F(Guess, PairsWhatHasNearlyTheSameValues) {
  EXPECT_THAT(
      guesses(
          {row("a", a), row("b", b)}, {row("q", moved(b, 1e-3f, 3)), row("p", moved(a, 1e-3f, 4))}),
      ElementsAre("a=p", "b=q"));
  EXPECT_THAT(guesses({row("a", a)}, {row("p", moved(a, 5e-2f, 3))}), IsEmpty());
  EXPECT_THAT(guesses({row("a", a)}, {{"p", floats({3, 100}, a)}}), IsEmpty());
}

TEST_F(Guess, TwoThatFitAreNone) {
  EXPECT_THAT(guesses({row("a", a)}, {row("p", a), row("q", a)}), IsEmpty());
  EXPECT_THAT(guesses({row("a", a), row("c", a)}, {row("p", a)}), IsEmpty());
  EXPECT_THAT(
      guesses({row("a", a)}, {row("p", moved(a, 1e-3f, 3)), row("q", moved(a, 5e-3f, 4))}),
      IsEmpty());
  EXPECT_THAT(
      guesses({row("a", a)}, {row("p", moved(a, 1e-3f, 3)), row("q", moved(a, 5e-2f, 4))}),
      ElementsAre("a=p"));
  // Ten times nearer, but both are the same tensor for all that noise can tell.
  EXPECT_THAT(
      guesses({row("a", a)}, {row("p", moved(a, 1e-6f, 3)), row("q", moved(a, 2e-4f, 4))}),
      IsEmpty());
}

TEST_F(Guess, ALargeMeanIsNoLikeness) {
  auto x = a, y = b;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] += 100;
    y[i] += 100;
  }
  EXPECT_THAT(guesses({row("a", x)}, {row("p", y)}), IsEmpty());
  EXPECT_THAT(guesses({row("a", x)}, {row("p", x)}), ElementsAre("a=p"));
}

TEST_F(Guess, IntegersConstantsAndScalarsAreNeverGuessed) {
  const NamedTensor ids{"ids", tensor_of<int32_t>(Dtype::int32, {9}, {1, 2, 3, 4, 5, 6, 7, 8, 9})};
  std::vector<float> nearly(300, 1);
  nearly[7] = 1.0001f;
  const std::vector<NamedTensor> ref{
      ids,
      row("ones", std::vector<float>(300, 1)),
      row("nearly_ones", nearly),
      row("few", {1, 2, 3, 4, 5, 6, 7})};
  auto port = ref;
  for (auto& tensor : port) {
    tensor.name += "_";
  }
  EXPECT_THAT(guesses(ref, port), IsEmpty());
}

TEST_F(Guess, ManyOfOneShapeAndNormTakeNoTime) {
  std::vector<NamedTensor> ref, port;
  for (unsigned i = 0; i < 2000; ++i) {
    auto values = normal(64, i);
    const float norm =
        std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.f));
    for (float& value : values) {
      value /= norm;
    }
    ref.push_back(row(fmt::format("r{}", i), values));
    port.push_back(row(fmt::format("p{}", 1999 - i), moved(values, 1e-4f, i)));
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(guesses(ref, port).size(), 2000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

/// The port of a real run of torch modules, under names of its own.
TEST_F(Guess, FindsTheModulesOfARealRunAndSaysSo) {
  const auto run = std::filesystem::path(MFLUX_SOURCE_DIR) / "tests/fixtures/parity/clean";
  const Dump port = Dump::open(run / "mlx");
  std::vector<NamedTensor> renamed;
  for (const auto& checkpoint : port.checkpoints()) {
    const auto text = checkpoint.text;
    const size_t at = text.rfind("@");
    renamed.push_back(
        {fmt::format(
             "net/{}{}",
             std::hash<std::string>()(text.substr(0, at)),
             at == std::string::npos ? "" : text.substr(at)),
         port.load(checkpoint)});
  }
  std::reverse(renamed.begin(), renamed.end());
  write_npz(folder / "mlx.npz", renamed);
  const auto result = compare({run / "ref", folder / "mlx.npz", {}, {}, {}, 1});
  size_t guessed = 0;
  for (const auto& r : result.rows) {
    if (!r.port) {
      continue;
    }
    ++guessed;
    EXPECT_EQ(r.by, MatchedBy::guess);
    const size_t at = r.ref->text.rfind("@");
    EXPECT_THAT(
        r.port->text,
        HasSubstr(std::to_string(std::hash<std::string>()(r.ref->text.substr(0, at)))));
    EXPECT_EQ(r.verdict, Verdict::pass);
    EXPECT_THAT(r.notes, Contains(HasSubstr("by its values alone: a guess")));
  }
  EXPECT_GT(guessed, 30u); // the others equal an input or output of another module
  EXPECT_EQ(result.verdict, Verdict::missing);
  EXPECT_THAT(
      result.remarks, Contains(HasSubstr("matched by their values alone: a guess, which counts")));
  const Json json = parse_json(to_json(result));
  EXPECT_LT(json["guesses"].size(), guessed); // one rule for both steps
  EXPECT_THAT(format_table(result, {}), HasSubstr("[[rename]]\n  from = \"net/"));

  std::string map;
  for (const auto& rename : result.guesses) {
    map += fmt::format("[[rename]]\nfrom = '{}'\nto = '{}'\n", rename.from, rename.to);
  }
  mflux::write_file(folder / "map.toml", map);
  const auto firm = compare({run / "ref", folder / "mlx.npz", folder / "map.toml", {}, {}, 1});
  const auto by_map = std::count_if(firm.rows.begin(), firm.rows.end(), [](const Row& r) {
    return r.port && r.by == MatchedBy::map;
  });
  EXPECT_GE(static_cast<size_t>(by_map), guessed);
}

} // namespace
} // namespace mflux::parity
