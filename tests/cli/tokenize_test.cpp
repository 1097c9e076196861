#include <fmt/format.h>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using mflux::testing::quoted;
using mflux::testing::run_mflux;
using mflux::testing::run_shell;
using mflux::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kModel = MFLUX_SOURCE_DIR "/models/emoji";

Json json_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"tokenize", kModel, "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return parse_json(run_mflux(all).out);
}

TEST(Tokenize, ShowsTheWholePrompt) {
  const auto result = run_mflux({"tokenize", kModel, "a red apple"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("\"<|im_start|>\"    special\n"));
  EXPECT_THAT(result.out, HasSubstr("\"<think>\"         added\n"));
  EXPECT_THAT(result.out, HasSubstr("\" apple\"\n"));
  EXPECT_THAT(result.out, HasSubstr("\n15 tokens\n"));
}

TEST(Tokenize, PrintsJson) {
  const Json raw = json_of({"é<|im_end|>\n", "--raw"});
  EXPECT_THAT(raw["ids"], ElementsAre(2319, 2976, 198));
  EXPECT_THAT(raw["tokens"], ElementsAre("é", "<|im_end|>", "\\x0a"));
  EXPECT_THAT(raw["special"], ElementsAre(1));
  EXPECT_EQ(raw["length"], 3);
  const Json padded = json_of({"x", "--raw", "--max-length", "3"});
  EXPECT_THAT(padded["mask"], ElementsAre(1, 0, 0));
  EXPECT_EQ(padded["ids"].size(), 3u);
  EXPECT_EQ(json_of({"x"})["length"].get<int>() - 4, json_of({"x", "--thinking"})["length"]);
}

TEST(Tokenize, SaysWhatIsDropped) {
  EXPECT_THAT(
      run_mflux({"tokenize", kModel, "a red apple", "--max-length", "4"}).out,
      HasSubstr("\n15 tokens, 11 more than the maximum of 4: the last 11 are dropped\n"));
  EXPECT_THAT(
      run_mflux({"tokenize", kModel, "a", "--max-length", "20"}).out,
      HasSubstr("\n13 tokens, then 7 of padding (<|endoftext|>)\n"));
}

TEST(Tokenize, ReadsFilesAndStandardInput) {
  const TemporaryFolder folder;
  write_file(folder / "prompt.txt", "a\n");
  const auto file = (folder / "prompt.txt").string();
  EXPECT_EQ(json_of({"--file", file, "--raw"})["length"], 2);
  const auto piped = [&](const std::string& text) {
    return run_shell(fmt::format(
        "printf '{}' | {} tokenize {} - --raw --json", text, quoted(MFLUX_BINARY), quoted(kModel)));
  };
  EXPECT_EQ(parse_json(piped("a\\n").out)["length"], 2);
  EXPECT_EQ(parse_json(piped("").out)["ids"], Json::array());
}

TEST(Tokenize, RefusesBadInput) {
  const auto expect_refused = [](const std::vector<std::string>& arguments, const char* seen) {
    std::vector<std::string> all{"tokenize"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto result = run_mflux(all);
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(seen));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  expect_refused({kModel, "ab\xff"}, "not UTF-8: byte 2 ");
  expect_refused({kModel}, "needs a TEXT");
  expect_refused({kModel, "a", "--file", "b"}, "one of them");
  expect_refused({kModel, "--file", "/nowhere/prompt"}, "/nowhere/prompt");
  expect_refused({kModel + "/vae", "a"}, "no tokenizer in ");
  expect_refused({"nothing", "a"}, "no model \"nothing\"");
  expect_refused({kModel, "a", "--max-length", "0"}, "--max-length");
  expect_refused({kModel, "a", "--raw", "--thinking"}, "--raw");
}

} // namespace
} // namespace mflux
