// libFuzzer over the tokenizer: an input of the first byte 'J' is a tokenizer.json, any other a
// text. Build as artifact_fuzz.cpp; run: fuzz_tokenizers CORPUS, with the demo model's tokenizer
// folder in MFLUX_TOKENIZER.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/tokenizers/nfc.h"
#include "mflux/tokenizers/tokenizer.h"
#include "support/temporary_folder.h"

namespace {

using mflux::tokenizers::Tokenizer;

std::filesystem::path demo() {
  const char* folder = std::getenv("MFLUX_TOKENIZER");
  return folder ? folder : "models/emoji/tokenizer";
}

void check_text(std::string_view text) {
  static const Tokenizer tokenizer = Tokenizer::load(demo());
  const auto ids = tokenizer.encode(text);
  if (mflux::tokenizers::to_nfc(tokenizer.decode(ids)) != mflux::tokenizers::to_nfc(text)) {
    std::abort();
  }
}

void check_file(std::string_view json) {
  static const mflux::testing::TemporaryFolder folder;
  mflux::write_file(
      folder / "tokenizer_config.json", R"({"pad_token":"<p>","eos_token":null,"unk_token":null})");
  mflux::write_file(folder / "tokenizer.json", json);
  Tokenizer::load(folder.path()).encode("a red apple");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    if (input.starts_with('J')) {
      check_file(input.substr(1));
    } else {
      check_text(input);
    }
  } catch (const mflux::Error&) {
  }
  return 0;
}
