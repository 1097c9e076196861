#include "mflux/nn/embedding.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/nn/host_values.h"

namespace mflux::nn {

Embedding::Embedding(Scope here, int rows, int channels)
    : Module(std::move(here)), weight(parameter("weight", {rows, channels})) {}

mx::array Embedding::operator()(const mx::array& ids) const {
  if (ids.ndim() != 2 || ids.size() == 0 || !mx::issubdtype(ids.dtype(), mx::integer)) {
    reject(ids, "integers [batch, tokens]");
  }
  const auto call = this->call();
  const auto seen = mx::astype(call.in(ids, Axes::as_is), mx::int64);
  const auto values = host_values(seen);
  const auto [lowest, highest] = std::ranges::minmax_element(values);
  const auto least = static_cast<int64_t>(*lowest), most = static_cast<int64_t>(*highest);
  if (least < 0 || most >= weight.shape(0)) {
    throw Error(fmt::format(
        "{}: there is no id {}, expected 0 to {}",
        path(),
        least < 0 ? least : most,
        weight.shape(0) - 1));
  }
  return call.out(mx::take(weight, seen, 0), Axes::as_is);
}

} // namespace mflux::nn
