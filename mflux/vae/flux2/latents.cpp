#include "mflux/vae/flux2/latents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"
#include "mflux/vae/flux2/config.h"

namespace mflux::flux2 {
namespace {

void expect(bool right, const char* what, const mx::array& x, const std::string& expected) {
  if (!right) {
    const auto& shape = x.shape();
    throw Error(fmt::format(
        "{} are [{}], expected {}", what, fmt::join(shape.begin(), shape.end(), ", "), expected));
  }
}

} // namespace

mx::array patchify(const mx::array& latents) {
  const bool even =
      latents.ndim() == 4 && latents.shape(1) % kPatch == 0 && latents.shape(2) % kPatch == 0;
  expect(even, "latents", latents, "[batch, even height, even width, channels]");
  const int batch = latents.shape(0), channels = latents.shape(3);
  const int h = latents.shape(1) / kPatch, w = latents.shape(2) / kPatch;
  const auto split = mx::reshape(latents, {batch, h, kPatch, w, kPatch, channels});
  return mx::reshape(
      mx::transpose(split, {0, 1, 3, 5, 2, 4}), {batch, h, w, channels * kPatch * kPatch});
}

mx::array unpatchify(const mx::array& patches) {
  const bool fits = patches.ndim() == 4 && patches.shape(3) % (kPatch * kPatch) == 0;
  expect(fits, "patched latents", patches, "[batch, height, width, a multiple of 4]");
  const int batch = patches.shape(0), h = patches.shape(1), w = patches.shape(2);
  const int channels = patches.shape(3) / (kPatch * kPatch);
  const auto split = mx::reshape(patches, {batch, h, w, channels, kPatch, kPatch});
  return mx::reshape(
      mx::transpose(split, {0, 1, 4, 2, 5, 3}), {batch, h * kPatch, w * kPatch, channels});
}

mx::array pack(const mx::array& patches) {
  expect(patches.ndim() == 4, "patched latents", patches, "[batch, height, width, channels]");
  return mx::flatten(patches, 1, 2);
}

mx::array unpack(const mx::array& tokens, int h, int w) {
  expect(
      tokens.ndim() == 3 && int64_t{h} * w == tokens.shape(1),
      "packed latents",
      tokens,
      fmt::format("[batch, {} × {} tokens, channels]", h, w));
  return mx::reshape(tokens, {tokens.shape(0), h, w, tokens.shape(2)});
}

} // namespace mflux::flux2
