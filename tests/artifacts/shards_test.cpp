#include "mflux/artifacts/shards.h"

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ShardsTest : public ::testing::Test {
 protected:
  ShardsTest() {
    const auto tensor = make_tensor(Dtype::uint8, {1}, {std::byte{7}});
    write_safetensors(folder / "1.safetensors", {{"a", tensor}, {"b", tensor}});
    write_safetensors(folder / "2.safetensors", {{"c", tensor}});
    write_safetensors(folder / "3.safetensors", {{"a", tensor}});
  }

  std::unique_ptr<Artifact> open(const std::string& index) {
    write_file(folder / "x.safetensors.index.json", index);
    return open_artifact(folder / "x.safetensors.index.json");
  }

  std::string error(const std::string& map) {
    return error_of([&] { open(R"({"weight_map":)" + map + "}"); });
  }

  TemporaryFolder folder;
};

TEST_F(ShardsTest, AllShardsAreOneArtifact) {
  const auto artifact = open(
      R"({"metadata":{"total_size":3,"x":[1.5,null]},
          "weight_map":{"a":"1.safetensors","c":"2.safetensors","b":"1.safetensors"}})");
  ASSERT_EQ(artifact->tensors().size(), 3u);
  EXPECT_EQ(artifact->tensors()[2].name, "c");
  EXPECT_EQ(value_at(artifact->load(2), 0), 7);
}

TEST_F(ShardsTest, IndexAndShardsMustAgree) {
  EXPECT_THAT(
      error(R"({"a":"1.safetensors"})"),
      AllOf(HasSubstr("index.json: "), HasSubstr("holds the tensor b, which the index does not")));
  EXPECT_THAT(
      error(R"({"a":"1.safetensors","b":"1.safetensors","d":"2.safetensors","c":"2.safetensors"})"),
      HasSubstr("places the tensor d in 2.safetensors, which does not hold it"));
  EXPECT_THAT(
      error(R"({"a":"1.safetensors","b":"1.safetensors","x":"3.safetensors"})"),
      HasSubstr("3.safetensors holds the tensor a"));
  EXPECT_THAT(
      error(R"({"a":"3.safetensors","b":"1.safetensors"})"),
      HasSubstr("holds the tensor a, which the index places in 3.safetensors"));
  EXPECT_THAT(
      error(R"({"a":"9.safetensors"})"), AllOf(HasSubstr("9.safetensors"), HasSubstr("No such")));
}

TEST_F(ShardsTest, ShardsStayInTheFolder) {
  for (const std::string name :
       {"../1.safetensors", "/etc/passwd", "sub/1.safetensors", "..", "", ".\\\\1.safetensors"}) {
    EXPECT_THAT(error(R"({"a":")" + name + "\"}"), HasSubstr("a plain file name")) << name;
  }
}

TEST_F(ShardsTest, IndexIsStrict) {
  EXPECT_THAT(error("{}"), HasSubstr("no \"weight_map\""));
  EXPECT_THAT(error_of([&] { open("{}"); }), HasSubstr("no \"weight_map\""));
  EXPECT_THAT(error_of([&] { open("[]"); }), HasSubstr("no object"));
  EXPECT_THAT(error("1"), HasSubstr("expected a file name"));
  EXPECT_THAT(error(R"("1.safetensors")"), HasSubstr("expected an object of file names"));
  EXPECT_THAT(error(R"(["1.safetensors"])"), HasSubstr("expected an object of file names"));
  EXPECT_THAT(error(R"({"a":1})"), HasSubstr("expected a file name"));
  EXPECT_THAT(error(R"({"a":{"b":"c"}})"), HasSubstr("expected an object of file names"));
  EXPECT_THAT(error(R"({"a":"1.safetensors","a":"2.safetensors"})"), HasSubstr("stands twice"));
}

TEST_F(ShardsTest, AShardThatIsNoSafetensorsIsNamed) {
  write_file(folder / "4.safetensors", "hello");
  EXPECT_THAT(
      error(R"({"a":"4.safetensors"})"), HasSubstr("the shard 4.safetensors: the file has"));
}

} // namespace
} // namespace mflux::artifacts
