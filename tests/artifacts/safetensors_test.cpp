#include "mflux/artifacts/safetensors.h"

#include <fmt/format.h>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::unique_ptr<Artifact> open(const std::string& header, size_t data_size) {
  std::string file;
  append(file, uint64_t{header.size()});
  file += header + std::string(data_size, '\1');
  const Bytes bytes = as_bytes(file);
  return open_safetensors(make_storage({bytes.begin(), bytes.end()}));
}

std::string error(const std::string& header, size_t data_size) {
  return error_of([&] { open(header, data_size); });
}

std::string entry(
    const std::string& name,
    const std::string& dtype,
    const std::string& shape,
    uint64_t begin,
    uint64_t end) {
  return fmt::format(
      R"("{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
      name,
      dtype,
      shape,
      begin,
      end);
}

std::string one(const std::string& dtype, const std::string& shape, uint64_t begin, uint64_t end) {
  return "{" + entry("x", dtype, shape, begin, end) + "}";
}

TEST(Safetensors, MisalignedDataIsReadInPlace) {
  const auto artifact =
      open("{" + entry("a", "U8", "3", 0, 3) + "," + entry("b", "F64", "", 3, 11) + "}", 11);
  const Tensor tensor = artifact->load(1);
  EXPECT_EQ(tensor.storage, artifact->load(0).storage);
  EXPECT_EQ(value_at(tensor, 0), std::bit_cast<double>(0x0101010101010101));
}

TEST(Safetensors, DataIsAView) {
  const auto artifact = open_artifact(golden("numpy.safetensors"));
  EXPECT_EQ(artifact->load(0).storage, artifact->load(1).storage);
  EXPECT_TRUE(artifact->load(0).is_contiguous());
}

TEST(Safetensors, SizeMustFitTheShape) {
  EXPECT_THAT(
      error(one("F32", "2,3", 0, 20), 20),
      AllOf(HasSubstr("x: "), HasSubstr("[0, 20]"), HasSubstr("[2, 3] take 24")));
  EXPECT_THAT(error(one("F32", "4294967296,4294967296", 0, 0), 0), HasSubstr("more than 2^63"));
  EXPECT_THAT(error(one("F64", "2305843009213693952", 0, 0), 0), HasSubstr("over 2^63 bytes"));
  EXPECT_THAT(error(one("F32", "9223372036854775808", 0, 0), 0), HasSubstr("below 2^63"));
}

TEST(Safetensors, NoGapNoOverlapNoRest) {
  const auto two = [](uint64_t begin, uint64_t end) {
    return "{" + entry("a", "U8", "4", 0, 4) + "," +
           entry("b", "U8", std::to_string(end - begin), begin, end) + "}";
  };
  EXPECT_EQ(open(two(4, 6), 6)->tensors().size(), 2u);
  EXPECT_THAT(error(two(5, 6), 6), AllOf(HasSubstr("b: "), HasSubstr("begin at 4")));
  EXPECT_THAT(error(two(3, 6), 6), HasSubstr("begin at 4"));
  EXPECT_THAT(error(two(0, 4), 4), HasSubstr("begin at 4"));
  EXPECT_THAT(error(two(4, 6), 7), HasSubstr("describes 6 bytes of data, the file holds 7"));
  EXPECT_THAT(error(two(4, 6), 5), HasSubstr("cut off"));
  EXPECT_THAT(error(one("U8", "0", 8, 0), 8), HasSubstr("[8, 0]"));
  EXPECT_THAT(
      error(one("U8", "1", 18446744073709551615u, 0), 8), HasSubstr("[18446744073709551615, 0]"));
}

TEST(Safetensors, HeaderIsStrictJson) {
  EXPECT_THAT(error("{\"x\":1}", 0), HasSubstr("expected an object"));
  EXPECT_THAT(error("{\"x\":{}}", 0), HasSubstr("expected the fields"));
  EXPECT_THAT(error("[]", 0), HasSubstr("no object"));
  EXPECT_THAT(error("{", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(error("{} x", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(error(std::string("{}\0", 3), 0), HasSubstr("NUL"));
  EXPECT_THAT(error("{\"\xff\":1}", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(error(std::string(100000, '['), 0), HasSubstr("no object"));
  EXPECT_THAT(error("{\"x\":{\"shape\":[[[[", 0), HasSubstr("expected an object"));
  const auto x = entry("x", "U8", "", 0, 1);
  EXPECT_THAT(error("{" + x + "," + x + "}", 1), HasSubstr("\"x\" stands twice"));
  EXPECT_THAT(error(one("U8", "-1", 0, 1), 1), HasSubstr("x.shape"));
  EXPECT_THAT(error(one("U8", "1.0", 0, 1), 1), HasSubstr("x.shape"));
  EXPECT_THAT(error(one("U8", "null", 0, 1), 1), HasSubstr("x.shape"));
  EXPECT_THAT(error(one("F4", "2", 0, 1), 1), HasSubstr("the dtype is \"F4\""));
  EXPECT_THAT(
      error(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1,1]}})", 1),
      HasSubstr("two numbers"));
  EXPECT_THAT(
      error(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0]}})", 1), HasSubstr("[begin, end]"));
  EXPECT_THAT(
      error(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1],"y":0}})", 1),
      HasSubstr("nothing else"));
}

TEST(Safetensors, MetadataIsStrings) {
  EXPECT_EQ(
      open(R"({"__metadata__":{"a":"b","c":""}})", 0)->metadata(),
      (Metadata{{"a", "b"}, {"c", ""}}));
  EXPECT_THAT(error(R"({"__metadata__":{"a":1}})", 0), HasSubstr("an object of strings"));
  EXPECT_THAT(error(R"({"__metadata__":{"shape":[1]}})", 0), HasSubstr("an object of strings"));
  EXPECT_THAT(error(R"({"__metadata__":"a"})", 0), HasSubstr("an object of strings"));
}

TEST(Safetensors, ManyKeysTakeLinearTime) {
  std::string header = "{";
  for (int i = 0; i < 100000; ++i) {
    header += entry(std::to_string(i), "U8", "0", 0, 0) + ",";
  }
  header.back() = '}';
  EXPECT_EQ(open(header, 0)->tensors().size(), 100000u);
}

TEST(Safetensors, HeaderLength) {
  std::string file;
  append(file, uint64_t{100'000'001});
  const auto refused = [&] {
    const Bytes bytes = as_bytes(file);
    return error_of([&] { open_safetensors(make_storage({bytes.begin(), bytes.end()})); });
  };
  EXPECT_THAT(refused(), HasSubstr("claims 100000001 bytes, expected at most 100000000"));
  file = std::string("\x09\0\0\0\0\0\0\0{}", 10);
  EXPECT_THAT(refused(), HasSubstr("claims 9 bytes, the file has 10"));
}

TEST(Safetensors, ControlCharactersInNamesArePrintedEscaped) {
  const auto message =
      error(R"({"\u001b[31m\n":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1);
  EXPECT_THAT(message, HasSubstr("\\x1b[31m\\x0a: data_offsets"));
}

} // namespace
} // namespace mflux::artifacts
