#include "mflux/base/error.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "support/expect_error.h"

namespace mflux {
namespace {

using mflux::testing::error_of;

TEST(Error, ContextNestsOutermostFirst) {
  const auto message = error_of([] {
    with_context(
        "loading vae", [] { with_context("config.json", [] { throw Error("no such key"); }); });
  });
  EXPECT_EQ(message, "loading vae: config.json: no such key");
}

TEST(Error, ForeignExceptionsKeepTheirText) {
  EXPECT_EQ(
      error_of(
          [] { with_context("block 3", [] { throw std::invalid_argument("[matmul] bad"); }); }),
      "block 3: [matmul] bad");
  EXPECT_EQ(error_of([] { with_context("block 3", [] { throw 7; }); }), "block 3: unknown error");
}

TEST(Error, IsOneLineWhateverTheNamesHold) {
  EXPECT_EQ(error_of([] { throw Error("a\nb\x1b[31m"); }), "a\\x0ab\\x1b[31m");
}

TEST(Error, FileSystemsSpeakPlainly) {
  const auto message = error_of([] {
    with_context("a dump", [] { static_cast<void>(std::filesystem::file_size("/nope")); });
  });
  EXPECT_EQ(message, "a dump: /nope: No such file or directory");
}

TEST(Error, LongTextsLoseTheirMiddle) {
  const auto message =
      error_of([] { with_context(std::string(1000, 'x'), [] { throw Error("why"); }); });
  EXPECT_EQ(message, std::string(1000, 'x') + ": why");
  std::string longer = "a";
  for (int i = 0; i < 40000; ++i) {
    longer += "ö"; // two bytes, the first at an odd place
  }
  const auto cut = error_of([&] { throw Error(longer + "end"); });
  EXPECT_LE(cut.size(), 1010u);
  EXPECT_TRUE(cut.starts_with("aö") && cut.ends_with("öend")) << cut;
  EXPECT_EQ(cut.find('\\'), cut.npos) << "a character was cut in two: " << cut;
  EXPECT_LE(error_of([] { throw Error(std::string(900, '\x7f')); }).size(), 1010u); // escaped
}

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("größe 中 😀"), "größe 中 😀");
  EXPECT_EQ(printable("a\xf1z\xc3"), "a\\xf1z\\xc3");
  EXPECT_EQ(printable("\u009b31m\u00a0"), "\\xc2\\x9b31m\u00a0");
}

TEST(Error, OutOfMemoryStaysWhatItIs) {
  EXPECT_THROW(with_context("x", [] { throw std::bad_alloc(); }), std::bad_alloc);
}

TEST(Error, ContextPassesTheResultThrough) {
  EXPECT_EQ(with_context("x", [] { return 5; }), 5);
}

} // namespace
} // namespace mflux
