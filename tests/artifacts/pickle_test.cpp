#include "mflux/artifacts/pickle.h"

#include "artifacts/pickle_bytes.h"
#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux::artifacts {
namespace {

using namespace std::string_literals;
using namespace pickled;
using mflux::testing::error_of;
using Kind = PickleValue::Kind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What a pickle says, as Python would write it.
std::string shown(const Pickle& pickle, PickleValue value) {
  const auto joined = [&](std::string begin, std::string_view end) {
    for (const auto item : pickle.items(value)) {
      begin += shown(pickle, item) + ",";
    }
    return begin + std::string(end);
  };
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.bits ? "True" : "False";
    case Kind::integer:
      return std::to_string(static_cast<int64_t>(value.bits));
    case Kind::large:
      return std::to_string(value.bits);
    case Kind::real:
      return std::to_string(std::bit_cast<double>(value.bits));
    case Kind::text:
      return "'" + std::string(pickle.text(value)) + "'";
    case Kind::bytes:
      return "b'" + std::string(pickle.text(value)) + "'";
    case Kind::global:
      return pickle.global(value);
    case Kind::tuple:
      return joined("(", ")");
    case Kind::list:
      return joined("[", "]");
    case Kind::dict:
      return joined("{", "}");
    case Kind::call:
      return joined("call(", ")");
    default:
      return joined("outside(", ")");
  }
}

void allow(const std::string& name) {
  if (name == "os.system") {
    throw Error("os.system is refused");
  }
}

std::string read(const std::string& bytes) {
  const Pickle pickle = read_pickle(as_bytes(bytes), allow);
  return shown(pickle, pickle.root());
}

std::string error(const std::string& bytes) {
  return error_of([&] { read(bytes); });
}

TEST(Pickle, ReadsNumbersOfEveryProtocol) {
  EXPECT_EQ(read("(NI00\nI01\nI7\nL-5L\nF1.5\nt."), "(None,False,True,7,-5,1.500000,)");
  EXPECT_EQ(read("(\x88\x89J\xfe\xff\xff\xffK\xffM\xff\xfft."s), "(True,False,-2,255,65535,)");
  EXPECT_EQ(read("G\x3f\xf8\0\0\0\0\0\0."s), "1.500000");
  EXPECT_EQ(read("(\x8a\0\x8a\x01\x80\x8a\x02\xff\0t."s), "(0,-128,255,)");
  EXPECT_EQ(read("\x8a\x08\0\0\0\0\0\0\0\x80."s), "-9223372036854775808");
  EXPECT_EQ(read("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0."s), "18446744073709551615");
  EXPECT_EQ(read("\x8b\x0a\0\0\0\x01\0\0\0\0\0\0\0\0\0."s), "1");
  EXPECT_EQ(read("L18446744073709551615L\n."), "18446744073709551615");
  EXPECT_THAT(error("\x8a\x09\0\0\0\0\0\0\0\0\x01."s), HasSubstr("at most 8 are read"));
  EXPECT_THAT(error("\x8a\x09\0\0\0\0\0\0\0\0\xff."s), HasSubstr("below -2^63"));
  EXPECT_THAT(error("I99999999999999999999\n."), HasSubstr("no number that fits"));
}

TEST(Pickle, ReadsTextAndBytes) {
  EXPECT_EQ(read("X\x02\0\0\0ab."s), "'ab'");
  EXPECT_EQ(read("\x8c\x02\xc3\xa9."s), "'é'");
  EXPECT_EQ(read("\x8d\x01\0\0\0\0\0\0\0a."s), "'a'");
  EXPECT_EQ(
      read("(Va b\nS'c'\nU\x01"
           "dT\x01\0\0\0et."s),
      "('a b','c','d','e',)");
  EXPECT_EQ(
      read("(C\x01"
           "aB\x01\0\0\0b\x8e\x01\0\0\0\0\0\0\0ct."s),
      "(b'a',b'b',b'c',)");
  EXPECT_THAT(error("V\\u00e9\n."), HasSubstr("escapes"));
  EXPECT_THAT(error("S'c\n."), HasSubstr("quotes"));
  EXPECT_THAT(error("X\x03\0\0\0ab"s), HasSubstr("wants 3 bytes, 2 are left"));
  EXPECT_THAT(error("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."s), HasSubstr("18446744073709551615"));
}

TEST(Pickle, BuildsTuplesListsAndDicts) {
  EXPECT_EQ(read("()K\1\x85K\2K\3\x86NNN\x87t."), "((),(1,),(2,3,),(None,None,None,),)");
  EXPECT_EQ(read("]K\1a(K\2K\3e."), "[1,2,3,]");
  EXPECT_EQ(read("}K\1K\2s(K\3K\4u."), "{1,2,3,4,}");
  EXPECT_EQ(read("(K\1K\2d."), "{1,2,}");
  EXPECT_EQ(read("(K\1l."), "[1,]");
  EXPECT_EQ(
      read("NK\1"
           "0."),
      "None"); // POP
  EXPECT_EQ(
      read("N(K\1K\2"
           "1."),
      "None");                     // POP_MARK
  EXPECT_EQ(read("N(0."), "None"); // POP of a mark
  EXPECT_EQ(
      read("K\1"
           "2\x86."),
      "(1,1,)"); // DUP
}

TEST(Pickle, KeepsAndRecalls) {
  EXPECT_EQ(read("(K\7q\1h\1r\2\1\0\0j\2\1\0\0p9\ng9\nt."s), "(7,7,7,7,)");
  EXPECT_EQ(read("(K\5\x94K\6\x94h\0h\1t."s), "(5,6,5,6,)");
  EXPECT_EQ(read("]q\0(h\0h\0e0N."s), "None") << "a list that holds itself";
  EXPECT_THAT(error("h\3."), HasSubstr("recalls value 3"));
}

TEST(Pickle, CallsAreOnlyNoted) {
  EXPECT_EQ(read("cos\npath\n(K\1tR."), "call(os.path,1,)");
  EXPECT_EQ(read("\x8c\2os\x8c\4path\x93."), "os.path");
  EXPECT_EQ(read("K\1Q."), "outside(1,)");
  EXPECT_THAT(error("Ncos\nsystem\n0."), AllOf(HasSubstr("byte 1: "), HasSubstr("os.system is")));
  EXPECT_THAT(error("\x8c\2os\x8c\6system\x93."), HasSubstr("os.system is refused"));
  EXPECT_THAT(error("(S'id'\nios\nsystem\n."), HasSubstr("os.system is refused"));
  EXPECT_THAT(error("(ios\npath\n."), HasSubstr("INST"));
  EXPECT_THAT(error("K\1)R."), HasSubstr("calls a whole number with a tuple"));
  EXPECT_THAT(error("cos\npath\nK\1R."), HasSubstr("calls a global with a whole number"));
  EXPECT_THAT(error("K\1K\2\x93."), HasSubstr("imports a whole number"));
}

TEST(Pickle, OrderedDictsAreDicts) {
  const auto empty = call(global("collections", "OrderedDict"), ")");
  EXPECT_EQ(read(empty + "(K\1K\2u."), "{1,2,}");
  EXPECT_EQ(read(empty + "K\1K\2s}K\7K\7sb."), "{1,2,}") << "attributes are left out";
  const auto pairs = list(list("K\1"s, "K\2"s), tuple("K\3"s, "K\4"s));
  EXPECT_EQ(read(call(global("collections", "OrderedDict"), tuple(pairs)) + "."), "{1,2,3,4,}");
  EXPECT_THAT(
      error(call(global("collections", "OrderedDict"), tuple("K\1"s)) + "."),
      HasSubstr("an OrderedDict is made from a whole number"));
  EXPECT_THAT(
      error(call(global("collections", "OrderedDict"), tuple(list(list("K\1"s)))) + "."),
      HasSubstr("no pairs"));
}

TEST(Pickle, DamageIsAnError) {
  EXPECT_THAT(error(""), HasSubstr("wants 1 bytes, 0 are left"));
  EXPECT_THAT(error("."), HasSubstr("takes a value where there is none"));
  EXPECT_THAT(error("(."), HasSubstr("takes a value where there is none"));
  EXPECT_THAT(error("N(\x85."), HasSubstr("takes values where there are none"));
  EXPECT_THAT(error("t."), HasSubstr("ends a list that it did not begin"));
  EXPECT_THAT(error("NK\1a."), HasSubstr("fills None as if it were a list"));
  EXPECT_THAT(error("}(K\1u."), HasSubstr("a key without a value"));
  EXPECT_THAT(error("]}b."), HasSubstr("fills a list as if it were a dict"));
  EXPECT_THAT(error("\x80\x06N."), HasSubstr("pickle protocol 6, at most 5"));
  EXPECT_THAT(error("\x95\xff\0\0\0\0\0\0\0N."s), HasSubstr("frame"));
  EXPECT_THAT(error("P5\n."), HasSubstr("protocol 0"));
  EXPECT_THAT(error("cos\nsys"), HasSubstr("ends inside a line"));
  for (const auto& [op, name] : std::vector<std::pair<std::string, std::string>>{
           {"N)\x81", "NEWOBJ"},
           {"\x82\1", "EXT1"},
           {"\x8f", "EMPTY_SET"},
           {"(o", "OBJ"},
           {"\x97", "NEXT_BUFFER"},
           {"\x96", "BYTEARRAY8"},
           {"\xfe", "0xfe"}}) {
    EXPECT_THAT(error(op + "."), HasSubstr(name));
  }
}

TEST(Pickle, SmallFilesCannotAskForMuch) {
  const std::string many(kMaxPickleValues + 1, 'N');
  for (const char op : {'N', ']', '(', ')'}) {
    EXPECT_THAT(error(std::string(kMaxPickleValues + 1, op)), HasSubstr("values")) << op;
  }
  EXPECT_THAT(error("N" + std::string(kMaxPickleValues + 1, '\x94')), HasSubstr("values"));
  // Each of 1,000 calls takes the same 10,000 arguments.
  std::string calls = "(" + std::string(10000, 'N') + "tq\1";
  for (int i = 0; i < 1000; ++i) {
    calls += "ca\nb\nh\1R";
  }
  EXPECT_THAT(error(calls + "."), HasSubstr("values"));
}

} // namespace
} // namespace mflux::artifacts
