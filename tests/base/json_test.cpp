#include "mflux/base/json.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseJson, IsStrict) {
  EXPECT_THAT(error_of([] { parse_json(R"({"a": 1, "a": 2})"); }), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(error_of([] { parse_json("{} x"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json("// c\n{}"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json("[NaN]"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json(std::string_view("{}\0x", 4)); }), HasSubstr("NUL byte"));
  EXPECT_THAT(error_of([] { parse_json("\"\xff\""); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json(""); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json(std::string(100000, '[')); }), HasSubstr("nested more"));
}

TEST(ParseJson, SaysWhatIsWrongInPlainWords) {
  EXPECT_EQ(error_of([] { parse_json("{"); }), "not valid JSON: an error at line 1, column 2");
}

TEST(ParseJson, SameKeyInDifferentObjectsIsFine) {
  EXPECT_EQ(parse_json(R"([{"a": {"a": 1}}, {"a": 2}])").size(), 2u);
}

TEST(ReadJson, NamesTheFile) {
  const TemporaryFolder folder;
  write_file(folder / "config.json", "{");
  EXPECT_THAT(error_of([&] { read_json(folder / "config.json"); }), HasSubstr("config.json: not"));
}

class JsonReaderTest : public ::testing::Test {
 protected:
  Json object = parse_json(
      R"({"width": 32, "eps": 1e-6, "on": true, "sizes": [1, 2], "name": "x", "none": null,
          "big": 3000000000, "huge": 18446744073709551615, "_class_name": "X", "extra": 0})");
  JsonReader reader{object, "config.json"};
};

TEST_F(JsonReaderTest, ReadsTypes) {
  EXPECT_EQ(reader.get("width", 0), 32);
  EXPECT_EQ(reader.require<double>("eps"), 1e-6);
  EXPECT_EQ(reader.get("absent", 7), 7);
  EXPECT_TRUE(reader.require<bool>("on"));
  EXPECT_THAT(reader.require<std::vector<int>>("sizes"), ElementsAre(1, 2));
  EXPECT_EQ(reader.maybe<int>("none"), std::nullopt);
}

TEST_F(JsonReaderTest, NamesKeyAndValueOfAWrongType) {
  EXPECT_EQ(
      error_of([&] { reader.get("eps", 1); }),
      "config.json: eps is 1e-06, expected a 32-bit integer");
  EXPECT_THAT(error_of([&] { reader.get("big", 1); }), HasSubstr("3000000000"));
  EXPECT_THAT(error_of([&] { reader.get("huge", 1); }), HasSubstr("18446744073709551615"));
  EXPECT_THAT(error_of([&] { reader.get("on", 1.0); }), HasSubstr("expected a number"));
  EXPECT_THAT(
      error_of([&] { reader.require<std::string>("gone"); }), HasSubstr("\"gone\" is missing"));
  EXPECT_THAT(error_of([] { JsonReader(Json::array(), "x.json"); }), HasSubstr("x.json: expected"));
}

TEST_F(JsonReaderTest, ListsKeysNobodyAskedFor) {
  for (const char* key : {"width", "eps", "on", "sizes", "name", "none", "big"}) {
    reader.ignore(key);
  }
  EXPECT_THAT(reader.unknown_keys(), ElementsAre("huge", "extra"));
}

} // namespace
} // namespace mflux
