#include "mflux/parity/dumps/match.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Names = std::vector<std::string>;

/// "ref=port" for each pair.
Names pairs_of(const Names& ref, const Names& port, const std::vector<Rename>& renames = {}) {
  Names out;
  for (const auto& match : match_names(ref, port, renames).pairs) {
    out.push_back(ref[match.ref] + "=" + port[match.port]);
  }
  return out;
}

TEST(MatchNames, ExactComesFirst) {
  const auto matching = match_names({"a", "b", "c"}, {"c", "x", "a"}, {});
  ASSERT_THAT(matching.pairs, SizeIs(2));
  EXPECT_EQ(matching.pairs[0].port, 2u);
  EXPECT_EQ(matching.pairs[1].port, 0u);
  EXPECT_THAT(matching.missing, ElementsAre(1u));
  EXPECT_THAT(matching.extra, ElementsAre(1u));
}

TEST(MatchNames, RenamesByMap) {
  EXPECT_THAT(
      pairs_of(
          {"vae.decoder.a.b", "latents@step=2"},
          {"port.a.b", "z@step=2"},
          {{"port.*", "vae.decoder.*"}, {"z", "latents"}}),
      ElementsAre("vae.decoder.a.b=port.a.b", "latents@step=2=z@step=2"));
}

TEST(MatchNames, RefusesAMapThatDoesNotFit) {
  EXPECT_THAT(
      error_of([] {
        match_names({"a"}, {"a"}, {{"x.*", "a"}});
      }),
      HasSubstr("matches no checkpoint"));
  EXPECT_THAT(
      error_of([] {
        match_names({"a"}, {"p", "q"}, {{"p", "a"}, {"q", "a"}});
      }),
      HasSubstr("both p and q of the port become a"));
}

TEST(MatchNames, NormalisesWhatIsLeft) {
  EXPECT_THAT(
      pairs_of(
          {"noise_pred@step=4", "text_encoder.model.norm"},
          {"noise_pred_step_04", "text_encoder.norm"}),
      SizeIs(2));
  EXPECT_EQ(match_names({"a@step=1"}, {"a_step_1"}, {}).pairs[0].by, MatchedBy::normalised);
}

TEST(MatchNames, ASoleInputNeedsNoArgument) {
  EXPECT_THAT(pairs_of({"vae.decode.in.z"}, {"vae.decode.in"}), SizeIs(1));
  EXPECT_THAT(pairs_of({"attn.in.q", "attn.in.k"}, {"attn.in"}), IsEmpty());
}

TEST(MatchNames, APrefixOfOneSideIsTakenOff) {
  const Names longer = {"transformer.x", "transformer.blocks.0", "latents"};
  const Names shorter = {"x", "blocks.0", "latents"};
  EXPECT_THAT(pairs_of(longer, shorter), SizeIs(3));
  EXPECT_THAT(pairs_of(shorter, longer), SizeIs(3));
  // One of many is no prefix.
  EXPECT_THAT(pairs_of({"a.x", "a.y", "a.z"}, {"x", "q"}), IsEmpty());
}

TEST(MatchNames, TwoThatReadTheSameAreSaidAndNotGuessed) {
  const auto matching = match_names({"a@step=1"}, {"a_step_1", "a.step1"}, {});
  EXPECT_THAT(matching.pairs, IsEmpty());
  EXPECT_THAT(matching.missing, SizeIs(1));
  EXPECT_THAT(matching.extra, SizeIs(2));
  EXPECT_THAT(
      matching.remarks, ElementsAre(HasSubstr("a_step_1 and a.step1 of the port both read")));
}

class MapFile : public ::testing::Test {
 protected:
  std::string error_for(const std::string& text) const {
    write_file(folder / "map.toml", text);
    return error_of([&] { read_renames(folder / "map.toml"); });
  }

  TemporaryFolder folder;
};

TEST_F(MapFile, IsReadInOrder) {
  write_file(
      folder / "map.toml",
      "[[rename]]\nfrom = \"a.*\"\nto = \"b.*\"\n[[rename]]\nfrom='c'\nto='d'");
  const auto renames = read_renames(folder / "map.toml");
  ASSERT_THAT(renames, SizeIs(2));
  EXPECT_EQ(renames[0].to, "b.*");
  EXPECT_EQ(renames[1].from, "c");
}

TEST_F(MapFile, ErrorsNameTheLine) {
  EXPECT_THAT(
      error_for("[[rename]]\nfrom = \"a\""), HasSubstr("map.toml: line 1: \"to\" is missing"));
  EXPECT_THAT(error_for("[[rename]]\nfrom='a'\nto='b*'"), HasSubstr("more *"));
  EXPECT_THAT(error_for("[[rename]]\nfrom='a?'\nto='b'"), HasSubstr("knows * only"));
  EXPECT_THAT(error_for("rename = 3"), HasSubstr("expected [[rename]] tables"));
  EXPECT_THAT(error_for(""), HasSubstr("holds no [[rename]] table"));
  EXPECT_THAT(error_for("[[rename]\n"), HasSubstr("line 1: not valid TOML"));
}

} // namespace
} // namespace mflux::parity
