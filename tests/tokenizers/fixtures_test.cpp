// What Hugging Face's Qwen2Tokenizer made of the same texts
// (tools/reference/fixtures/tokenizer_ids.py).
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>

#include "gtest/gtest.h"
#include "mflux/base/json.h"
#include "mflux/base/utf8.h"
#include "mflux/tokenizers/nfc.h"
#include "mflux/tokenizers/tokenizer.h"
#include "mflux/tokenizers/words.h"

namespace mflux::tokenizers {
namespace {

const std::filesystem::path kSource = MFLUX_SOURCE_DIR;
const auto kDemo = kSource / "models/emoji/tokenizer";

Json fixture(const std::string& name) {
  return read_json(kSource / "tests/fixtures/tokenizers" / name);
}

/// 64-bit FNV-1a.
class Hash {
 public:
  void add(unsigned char byte) {
    value_ = (value_ ^ byte) * 0x100000001b3;
  }

  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      add(static_cast<unsigned char>(byte));
    }
  }

  std::string hex() const {
    return fmt::format("{:016x}", value_);
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

std::string hash_of(const std::vector<int32_t>& ids) {
  Hash hash;
  for (const auto id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash.add(static_cast<unsigned char>(static_cast<uint32_t>(id) >> shift & 0xff));
    }
  }
  return hash.hex();
}

void expect_ids(const std::filesystem::path& folder, const std::string& expected) {
  const Json texts = fixture("texts.json")["texts"], ids = fixture(expected)["ids"];
  const auto tokenizer = Tokenizer::load(folder);
  ASSERT_EQ(texts.size(), ids.size());
  ASSERT_GE(texts.size(), 2000u);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i].get<std::string>();
    const auto got = tokenizer.encode(text);
    EXPECT_EQ(got, ids[i].get<std::vector<int32_t>>()) << "text " << i << ": " << texts[i].dump();
    EXPECT_EQ(to_nfc(tokenizer.decode(got)), to_nfc(text)) << "text " << i;
  }
}

TEST(Ids, AreHuggingFacesInTheDemoVocabulary) {
  expect_ids(kDemo, "ids_demo.json");
}

TEST(Ids, AreHuggingFacesInQwensVocabulary) {
  const auto folder = kSource / "build/qwen/tokenizer";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "Qwen's vocabulary is not here; ./dev setup --reference fetches it";
  }
  expect_ids(folder, "ids_qwen.json");
}

/// Every code point, alone and between others: how NFC changes it and where words are cut.
TEST(CodePoints, AreNormalisedAndCutAsHuggingFaceDoes) {
  const Json expected = fixture("code_points.json");
  const auto block = expected["block"].get<char32_t>();
  ASSERT_GE(expected["contexts"].size(), 10u);
  for (const auto& context : expected["contexts"]) {
    const auto before = context["before"].get<std::string>();
    const auto after = context["after"].get<std::string>();
    ASSERT_EQ(context["hashes"].size() * block, 0x110000u);
    for (char32_t first = 0; first < 0x110000; first += block) {
      Hash hash;
      for (char32_t code = first; code < first + block; ++code) {
        if (code >= 0xd800 && code < 0xe000) {
          continue;
        }
        std::string text = before;
        append_utf8(text, code);
        text = to_nfc(text + after);
        for (std::string_view rest = text; !rest.empty();) {
          const size_t size = first_word(rest);
          hash.add(rest.substr(0, size));
          hash.add(0xff);
          rest.remove_prefix(size);
        }
        hash.add(0xfe);
      }
      EXPECT_EQ(hash.hex(), context["hashes"][first / block])
          << fmt::format("U+{:04X} and on, ", static_cast<uint32_t>(first)) << context["before"]
          << " before, " << context["after"] << " after";
    }
  }
}

/// A megabyte, also of one word: anything that grows with its square would not end.
TEST(LongTexts, TakeLinearTime) {
  const auto tokenizer = Tokenizer::load(kDemo);
  const Json texts = fixture("long.json")["texts"];
  ASSERT_GE(texts.size(), 10u);
  for (const auto& text : texts) {
    std::string whole;
    for (int i = 0; i < text["times"].get<int>(); ++i) {
      whole += text["piece"].get<std::string>();
    }
    EXPECT_EQ(hash_of(tokenizer.encode(whole)), text["hash"]) << text["piece"];
  }
}

} // namespace
} // namespace mflux::tokenizers
