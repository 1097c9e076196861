#include <cstdlib>
#include <fstream>

#include "fuzz/targets.h"
#include "mflux/tokenizers/nfc.h"
#include "mflux/tokenizers/tokenizer.h"
#include "support/temporary_folder.h"

namespace mflux::fuzz {
namespace {

using tokenizers::Tokenizer;

/// Decoding gives the text back.
void encode(artifacts::Bytes input) {
  static const Tokenizer tokenizer = Tokenizer::load(MFLUX_SOURCE_DIR "/models/emoji/tokenizer");
  const auto text = artifacts::as_text(input);
  if (tokenizers::to_nfc(tokenizer.decode(tokenizer.encode(text))) != tokenizers::to_nfc(text)) {
    std::abort();
  }
}

void write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void load(artifacts::Bytes input) {
  static const testing::TemporaryFolder folder;
  static const bool written = [] {
    write(
        folder / "tokenizer_config.json",
        R"({"pad_token":"<p>","eos_token":null,"unk_token":null})");
    return true;
  }();
  static_cast<void>(written);
  write(folder / "tokenizer.json", artifacts::as_text(input));
  Tokenizer::load(folder.path()).encode("a red apple");
}

} // namespace

Targets tokenizer_targets() {
  return {{"prompt", encode}, {"tokenizer_json", load}};
}

} // namespace mflux::fuzz
