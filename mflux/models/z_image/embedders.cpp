#include "mflux/models/z_image/embedders.h"

#include "mflux/models/z_image/block.h"

namespace mflux::z_image {

using nn::Axes;

TimestepMlp::TimestepMlp(Scope here, int in, int inner, int out)
    : Module(std::move(here)),
      first(at("0"), in, inner, nn::Bias::yes),
      act(at("1"), Axes::as_is),
      second(at("2"), inner, out, nn::Bias::yes) {}

mx::array TimestepMlp::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(second(act(first(call.in(input, Axes::as_is)))), Axes::as_is);
}

mx::array TimestepEmbedder::operator()(const mx::array& t) const {
  const auto call = this->call();
  const auto waves = nn::sinusoid(call.in(t, Axes::as_is), frequencies);
  return call.out(mlp(mx::astype(waves, mlp.first.weight.dtype())), Axes::as_is);
}

CaptionEmbedder::CaptionEmbedder(Scope here, const TransformerConfig& c)
    : Module(std::move(here)),
      norm(at("0"), c.cap_feat_dim, c.norm_eps),
      linear(at("1"), c.cap_feat_dim, c.dim, nn::Bias::yes) {}

mx::array CaptionEmbedder::operator()(const mx::array& features) const {
  const auto call = this->call();
  return call.out(linear(norm(call.in(features, Axes::as_is))), Axes::as_is);
}

FinalModulation::FinalModulation(Scope here, int in, int out)
    : Module(std::move(here)), act(at("0"), Axes::as_is), linear(at("1"), in, out, nn::Bias::yes) {}

mx::array FinalModulation::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(linear(act(call.in(input, Axes::as_is))), Axes::as_is);
}

mx::array FinalLayer::operator()(const mx::array& input, const mx::array& c) const {
  const auto call = this->call();
  const auto x = call.in("x", input, Axes::as_is);
  const auto scale = mx::expand_dims(adaLN_modulation(call.in("c", c, Axes::as_is)), 1);
  return call.out(linear(scaled(norm_final(x), scale)), Axes::as_is);
}

} // namespace mflux::z_image
