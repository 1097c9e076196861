#include "mflux/parity/transforms/trial.h"

#include "gmock/gmock.h"
#include "mflux/artifacts/manifest.h"
#include "mflux/base/atomic_file.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using artifacts::Tensor;
using mflux::testing::error_of;
using mflux::testing::floats;
using mflux::testing::normal;
using ::testing::HasSubstr;

Tensor applied(const std::string& chain, const Tensor& tensor) {
  return transformed(parse_chain(chain), tensor);
}

class TrialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* side : {"ref", "mlx", "ref32"}) {
      std::filesystem::create_directories(folder / side);
    }
  }

  void write(const std::string& side, const std::vector<NamedTensor>& tensors) const {
    artifacts::write_npz(folder / side / "all.npz", tensors);
  }

  Trial attempt(const std::string& chain, const std::string& name, Side side = Side::port) const {
    TrialOptions options;
    options.compare.ref = folder.path();
    options.chain = parse_chain(chain);
    options.names = {name};
    options.side = side;
    return try_transforms(options);
  }

  mflux::testing::TemporaryFolder folder;
  Tensor x = floats({4, 6, 8}, normal(192, 1)), y = floats({16, 16}, normal(256, 2));
};

TEST_F(TrialTest, OtherShapesBecomeComparable) {
  write("ref", {{"a", x}, {"b", y}});
  write("mlx", {{"a", applied("permute 2,0,1", x)}, {"b", applied("negate", y)}});
  std::filesystem::remove_all(folder / "ref32");
  const auto trial = attempt("permute 1,2,0", "a");
  EXPECT_EQ(trial.rows[0].before.verdict, Verdict::shape);
  EXPECT_EQ(trial.rows[0].after.verdict, Verdict::pass);
  EXPECT_EQ(trial.verdict, Verdict::pass);
  EXPECT_EQ(attempt("permute 0,1,2", "a").verdict, Verdict::shape);
  EXPECT_EQ(attempt("permute 2,0,1", "a", Side::ref).verdict, Verdict::pass);
  EXPECT_EQ(attempt("negate", "b").verdict, Verdict::pass);
  EXPECT_EQ(attempt("scale -0.9", "b").verdict, Verdict::fail);
  EXPECT_EQ(attempt("permute 1,2,0", "a").rows.size(), 1U);
  EXPECT_EQ(attempt("negate | negate", "?").rows.size(), 2U);
}

TEST_F(TrialTest, TheRuleStaysTheRunsRule) {
  // All else was rounded to bfloat16, so the component is judged as that, before and after.
  const Tensor rounded = applied("cast bfloat16", floats({5000}, normal(5000, 3)));
  write("ref", {{"vae.a", y}, {"vae.b", rounded}, {"vae.c", x}});
  write(
      "mlx",
      {{"vae.a", applied("scale -1.005", y)},
       {"vae.b", rounded},
       {"vae.c", applied("permute 2,1,0 | scale 1.005", x)}});
  std::filesystem::remove_all(folder / "ref32");
  for (const auto& [chain, name] : {std::pair("negate", "vae.a"), {"permute 2,1,0", "vae.c"}}) {
    const auto trial = attempt(chain, name);
    EXPECT_EQ(trial.rows[0].after.tolerance->atol, 1e-2) << name;
    EXPECT_EQ(trial.verdict, Verdict::pass) << name;
  }
  write_file(folder / "parity.toml", "[[tolerance]]\nmatch = \"vae.*\"\natol = 1e-3\nrtol = 0\n");
  EXPECT_EQ(attempt("negate", "vae.a").rows[0].after.tolerance->atol, 1e-3);
  EXPECT_EQ(attempt("negate", "vae.a").verdict, Verdict::fail);
}

TEST_F(TrialTest, ARatioAgainstRef32StaysARatio) {
  const Tensor exact = floats({5000}, normal(5000, 3)), own = applied("cast bfloat16", exact);
  write("ref32", {{"a", exact}});
  write("ref", {{"a", own}});
  write("mlx", {{"a", applied("flip 0 | scale 1.001 | cast bfloat16", exact)}});
  const auto trial = attempt("flip 0", "a");
  EXPECT_GT(*trial.rows[0].before.ratio, 100);
  EXPECT_LT(*trial.rows[0].after.ratio, 2);
  EXPECT_EQ(trial.verdict, Verdict::pass);
  // The other way round, ref32 must turn with the reference.
  EXPECT_DOUBLE_EQ(
      *attempt("flip 0", "a", Side::ref).rows[0].after.ratio, *trial.rows[0].after.ratio);
}

TEST_F(TrialTest, ACropOnTheOtherSideIsCutAfterwards) {
  write("mlx", {{"a", applied("permute 2,1,0", x)}});
  std::filesystem::remove_all(folder / "ref32");
  const artifacts::Ranges crop = {{1, 3}, {2, 6}, {0, 4}};
  artifacts::write_npz(folder / "ref" / "all.npz", {{"a", x.slice(crop)}});
  artifacts::Manifest manifest;
  auto& entry = manifest.checkpoints.emplace_back();
  entry.name = entry.key = "a";
  entry.file = "all.npz";
  entry.slice = crop;
  entry.shape = x.shape;
  artifacts::write_manifest(folder / "ref" / "manifest.json", manifest);
  EXPECT_EQ(attempt("permute 2,1,0", "a").verdict, Verdict::pass);
  EXPECT_EQ(attempt("permute 2,0,1", "a").verdict, Verdict::fail);
  EXPECT_EQ(attempt("reshape -1", "a").verdict, Verdict::shape);
}

TEST_F(TrialTest, NamesAreThoseOfTheComparison) {
  std::filesystem::remove_all(folder / "ref32");
  write("ref", {{"net.a@step=1", x}, {"net.a@step=2", x}, {"lone", y}});
  write("mlx", {{"module.net.a_step_01", x}, {"net.a@step=2", x}});
  EXPECT_EQ(attempt("add 0", "net.a").rows.size(), 2U);
  EXPECT_EQ(attempt("add 0", "net.a@step=1").rows.size(), 1U);
  EXPECT_EQ(attempt("add 0", "module.*").rows.size(), 1U);
  EXPECT_THAT(error_of([&] { attempt("add 0", "net.b"); }), HasSubstr("did you mean net.a"));
  EXPECT_THAT(error_of([&] { attempt("add 0", "lone"); }), HasSubstr("both sides"));
  TrialOptions options;
  options.compare.ref = folder.path();
  EXPECT_THAT(error_of([&] { try_transforms(options); }), HasSubstr("name one"));
}

} // namespace
} // namespace mflux::parity
