#include "mflux/tokenizers/added_tokens.h"

#include "gtest/gtest.h"

namespace mflux::tokenizers {
namespace {

const AddedTokens kTokens(
    {{1, "<a>", false}, {2, "<a><b>", false}, {3, "b>", true}, {4, "<a><b>c", false}});

int32_t id_at(std::string_view text, size_t from, size_t position) {
  const auto found = kTokens.next(text, from);
  EXPECT_EQ(found.position, position) << text;
  return found.token ? found.token->id : -1;
}

TEST(AddedTokens, TakeTheLeftmostAndThenTheLongest) {
  EXPECT_EQ(id_at("x<a>", 0, 1), 1);
  EXPECT_EQ(id_at("x<a><b>", 0, 1), 2);
  EXPECT_EQ(id_at("<a><b>c", 0, 0), 4);
  EXPECT_EQ(id_at("<a><b>c", 1, 4), 3);
  EXPECT_EQ(id_at("<a><b", 1, std::string_view::npos), -1);
  EXPECT_EQ(AddedTokens().next("<a>", 0).token, nullptr);
}

} // namespace
} // namespace mflux::tokenizers
