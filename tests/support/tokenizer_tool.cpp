// tokenizer_tool FOLDER < TEXTS > IDS  encodes many texts with one tokenizer: what
// tests/reference/test_tokenizers.py compares with Hugging Face. Each text is its size as four
// bytes (the machine's order) and its UTF-8; each answer the number of ids, then the ids, likewise.
// Exit 2 on Error.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/tokenizers/tokenizer.h"

namespace {

int run(const char* folder) {
  const auto tokenizer = mflux::tokenizers::Tokenizer::load(folder);
  uint32_t size = 0;
  std::string text;
  while (std::fread(&size, sizeof size, 1, stdin) == 1) {
    text.resize(size);
    if (std::fread(text.data(), 1, size, stdin) != size) {
      return 1;
    }
    const std::vector<int32_t> ids = tokenizer.encode(text);
    const auto count = static_cast<uint32_t>(ids.size());
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof ids[0], ids.size(), stdout);
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: tokenizer_tool FOLDER\n", stderr);
    return 1;
  }
  try {
    return run(argv[1]);
  } catch (const mflux::Error& error) {
    std::fprintf(stderr, "%s\n", mflux::one_line(error).c_str());
    return 2;
  }
}
