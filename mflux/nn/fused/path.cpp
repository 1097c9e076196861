#include "mflux/nn/fused/path.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "mflux/base/error.h"
#include "mflux/nn/fused/launch.h"

namespace mflux::nn::fused {
namespace {

Path asked() {
  const char* variable = std::getenv("MFLUX_FUSED");
  const std::string word = variable ? variable : "";
  if (word == "off") {
    return Path::composed;
  }
  if (word == "on") {
    return Path::fused;
  }
  if (!word.empty() && word != "auto") {
    throw Error(fmt::format("MFLUX_FUSED is \"{}\", expected auto, on or off", word));
  }
  return Path::automatic;
}

Path& current() {
  static Path value = asked();
  return value;
}

} // namespace

Path path() {
  return current();
}

Chosen::Chosen(Path wanted) : before_(current()) {
  current() = wanted;
}

Chosen::~Chosen() {
  current() = before_;
}

bool takes_fused_path(mx::Dtype dtype, bool is_watched) {
  const bool may = current() == Path::automatic && !is_watched;
  return current() == Path::fused || (may && has_kernels(dtype));
}

} // namespace mflux::nn::fused
