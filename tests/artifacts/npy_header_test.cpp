#include "mflux/artifacts/npy_header.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_of(const std::string& dict, int version = 1) {
  std::string out(kNpyMagic);
  out += {static_cast<char>(version), '\0'};
  if (version == 1) {
    append(out, static_cast<uint16_t>(dict.size()));
  } else {
    append(out, static_cast<uint32_t>(dict.size()));
  }
  return out + dict;
}

NpyHeader read(const std::string& dict) {
  return read_npy_header(as_bytes(file_of(dict)));
}

std::string error(const std::string& dict) {
  return error_of([&] { read(dict); });
}

std::string with_shape(const std::string& shape) {
  return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}";
}

std::string with_descr(const std::string& descr) {
  return "{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,)}";
}

TEST(NpyHeader, KeysInAnyOrderQuotesAndSpaces) {
  const auto header = read("{ \"shape\":(3 , 4,),'fortran_order'\t:True ,\n'descr':\">i2\" , } \n");
  EXPECT_THAT(header.shape, ElementsAre(3, 4));
  EXPECT_EQ(header.dtype, Dtype::int16);
  EXPECT_TRUE(header.swapped);
  EXPECT_TRUE(header.fortran_order);
  EXPECT_EQ(header.data_size, 24u);
}

TEST(NpyHeader, Shapes) {
  EXPECT_THAT(read(with_shape("()")).shape, ElementsAre());
  EXPECT_THAT(read(with_shape("(3,)")).shape, ElementsAre(3));
  EXPECT_THAT(read(with_shape("(3L, 4L)")).shape, ElementsAre(3, 4));
  EXPECT_THAT(error(with_shape("(3)")), HasSubstr("expected a tuple"));
  EXPECT_THAT(error(with_shape("3")), HasSubstr("expected '('"));
  EXPECT_THAT(error(with_shape("(,)")), HasSubstr("expected a whole number"));
  EXPECT_THAT(error(with_shape("(-3,)")), HasSubstr("expected a whole number"));
  EXPECT_THAT(error(with_shape("(3.0,)")), HasSubstr("expected ')'"));
  EXPECT_THAT(error(with_shape("(9223372036854775808,)")), HasSubstr("over 2^63"));
  EXPECT_THAT(error(with_shape("(9223372036854775807,)")), HasSubstr("over 2^63 bytes"));
  EXPECT_THAT(error(with_shape("(4294967296, 4294967296)")), HasSubstr("more than 2^63 elements"));
  EXPECT_THAT(error(with_shape("(4294967296, 4294967296, 0)")), HasSubstr("more than 2^63"));
  std::string many = "(";
  for (int i = 0; i < 65; ++i) {
    many += "1,";
  }
  EXPECT_THAT(error(with_shape(many + ")")), HasSubstr("more than 64 axes"));
}

TEST(NpyHeader, Dtypes) {
  EXPECT_EQ(read(with_descr("'float8_e4m3fn'")).dtype, Dtype::float8_e4m3);
  EXPECT_EQ(read(with_descr("'bfloat16'")).dtype, Dtype::bfloat16);
  EXPECT_EQ(read(with_descr("'|V2'")).dtype, Dtype::bfloat16);
  EXPECT_EQ(read(with_descr("'f4'")).dtype, Dtype::float32);
  EXPECT_FALSE(read(with_descr("'=f4'")).swapped);
  EXPECT_FALSE(read(with_descr("'>u1'")).swapped);
  EXPECT_THAT(error(with_descr("'|O'")), HasSubstr("pickled"));
  EXPECT_THAT(error(with_descr("'O'")), HasSubstr("pickled"));
  EXPECT_THAT(error(with_descr("'|V1'")), HasSubstr("float8"));
  EXPECT_THAT(error(with_descr("'|V16'")), HasSubstr("raw bytes"));
  EXPECT_THAT(error(with_descr("'|S5'")), HasSubstr("text"));
  EXPECT_THAT(error(with_descr("'<m8'")), HasSubstr("dates"));
  EXPECT_THAT(error(with_descr("''")), HasSubstr("the dtype is ''"));
  EXPECT_THAT(error(with_descr("'<'")), HasSubstr("the dtype is '<'"));
  EXPECT_THAT(error(with_descr("'<c32'")), HasSubstr("expected bool"));
  EXPECT_THAT(error(with_descr("[('a', '<f4')]")), HasSubstr("structured"));
  EXPECT_THAT(error(with_descr("('<f4', (2,))")), HasSubstr("structured"));
}

TEST(NpyHeader, NothingElseIsAccepted) {
  EXPECT_THAT(error("    "), HasSubstr("expected '{'"));
  EXPECT_THAT(error("{}"), HasSubstr("lacks one of the keys"));
  EXPECT_THAT(error("{'descr': '<f4', 'shape': (2,)}"), HasSubstr("lacks one of the keys"));
  EXPECT_THAT(error(with_shape("(2,), 'shape': (2,)")), HasSubstr("'shape' twice"));
  EXPECT_THAT(error(with_shape("(2,), 'x': 1")), HasSubstr("unknown key 'x'"));
  EXPECT_THAT(error(with_shape("(2,)") + "x"), HasSubstr("nothing after"));
  EXPECT_THAT(error(with_shape("(2,) 'x'")), HasSubstr("expected '}'"));
  EXPECT_THAT(error(with_descr("'<f4")), HasSubstr("the dtype is"));
  EXPECT_THAT(error(with_descr("'\\x3cf4'")), HasSubstr("without backslashes"));
  EXPECT_THAT(
      error("{'descr': '<f4', 'fortran_order': 1, 'shape': ()}"), HasSubstr("True or False"));
  EXPECT_THAT(error("__import__('os')"), HasSubstr("expected '{'"));
}

TEST(NpyHeader, VersionsAndLengths) {
  const auto dict = with_shape("(2,)");
  EXPECT_EQ(read_npy_header(as_bytes(file_of(dict, 2))).data_offset, 12 + dict.size());
  EXPECT_EQ(read_npy_header(as_bytes(file_of(dict, 3))).data_offset, 12 + dict.size());
  EXPECT_THAT(
      error_of([&] { read_npy_header(as_bytes(file_of(dict, 4))); }), HasSubstr("version 4.0"));
  std::string huge = file_of(dict, 2);
  huge[11] = '\x7f';
  EXPECT_THAT(error_of([&] { read_npy_header(as_bytes(huge)); }), HasSubstr("at most 1048576"));
  huge[11] = '\0';
  huge[10] = '\x01';
  EXPECT_THAT(error_of([&] { read_npy_header(as_bytes(huge)); }), HasSubstr("header alone claims"));
}

} // namespace
} // namespace mflux::artifacts
