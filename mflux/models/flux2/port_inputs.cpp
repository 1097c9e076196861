#include "mflux/models/flux2/port_inputs.h"

#include <fmt/format.h>

#include <cmath>

namespace mflux::flux2 {

TokenGrid grid_of(
    const capture::Inputs& inputs, const capture::Found& input, int pixels_per_token) {
  const int64_t tokens = input.shape[1], most = kLongestSide / pixels_per_token;
  JsonReader run(inputs.run(), "the manifest's run");
  const auto height = run.maybe<int>("height"), width = run.maybe<int>("width");
  if (height && width) {
    const TokenGrid grid{.columns = *width / pixels_per_token, .rows = *height / pixels_per_token};
    if (grid.rows < 1 || grid.columns < 1 || grid.rows > most || grid.columns > most ||
        int64_t{grid.rows} * grid.columns != tokens) {
      refuse(
          input,
          fmt::format(
              "{} × {} tokens for the run's {} × {} pixels",
              grid.columns,
              grid.rows,
              *width,
              *height));
    }
    return grid;
  }
  const auto side = std::llround(std::sqrt(static_cast<double>(tokens)));
  if (side > most || side * side != tokens) {
    refuse(
        input,
        fmt::format(
            "a square of at most {0} × {0} tokens, for no manifest says the picture's height and "
            "width",
            most));
  }
  return {.columns = static_cast<int>(side), .rows = static_cast<int>(side)};
}

} // namespace mflux::flux2
