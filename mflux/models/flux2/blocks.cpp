#include "mflux/models/flux2/blocks.h"

#include "mflux/models/flux2/taps.h"

namespace mflux::flux2 {

Streams TransformerBlock::operator()(
    const Streams& input,
    const mx::array& temb_mod_img,
    const mx::array& temb_mod_txt,
    const nn::RotaryTables& tables) const {
  const auto call = this->call();
  auto image = call.in("hidden_states", input.image, nn::Axes::as_is);
  auto text = call.in("encoder_hidden_states", input.text, nn::Axes::as_is);
  const auto img_mod = call.in("temb_mod_img", temb_mod_img, nn::Axes::as_is);
  const auto txt_mod = call.in("temb_mod_txt", temb_mod_txt, nn::Axes::as_is);
  const auto rotary = tapped_rotary(call, tables);
  const auto img = Modulation::split(img_mod, 2), txt = Modulation::split(txt_mod, 2);

  const auto image_in = img[0].modulate(norm1(image));
  const auto text_in = txt[0].modulate(norm1_context(text));
  const auto attended = attn({.image = image_in, .text = text_in}, rotary);

  image = img[0].add_gated(image, attended.image);
  image = img[1].add_gated(image, ff(img[1].modulate(norm2(image))));
  text = txt[0].add_gated(text, attended.text);
  text = txt[1].add_gated(text, ff_context(txt[1].modulate(norm2_context(text))));

  text = call.out(0, text, nn::Axes::as_is);
  return {.image = call.out(1, image, nn::Axes::as_is), .text = text};
}

mx::array SingleTransformerBlock::operator()(
    const mx::array& input, const mx::array& temb_mod, const nn::RotaryTables& tables) const {
  const auto call = this->call();
  const auto x = call.in("hidden_states", input, nn::Axes::as_is);
  const auto mod = Modulation::split(call.in("temb_mod", temb_mod, nn::Axes::as_is), 1)[0];
  const auto rotary = tapped_rotary(call, tables);
  const auto y = attn(mod.modulate(norm(x)), rotary);
  return call.out(mod.add_gated(x, y), nn::Axes::as_is);
}

} // namespace mflux::flux2
