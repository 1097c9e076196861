#include "mflux/models/flux2/pos_embed.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "mflux/base/error.h"
#include "mflux/nn/host_values.h"

namespace mflux::flux2 {
namespace {

constexpr int kAxes = 4;        ///< of the pipeline's ids
constexpr int kTimeStride = 10; ///< between reference images

mx::array first_of_batch(const mx::array& ids) {
  return ids.ndim() == 3 ? mx::reshape(
                               mx::slice(ids, {0, 0, 0}, {1, ids.shape(1), ids.shape(2)}),
                               {ids.shape(1), ids.shape(2)})
                         : ids;
}

mx::array repeated(const std::vector<int64_t>& ids, int batch) {
  const int tokens = static_cast<int>(ids.size()) / kAxes;
  const mx::array one(ids.data(), {1, tokens, kAxes}, mx::int64);
  return batch == 1 ? one : mx::repeat(one, batch, 0);
}

void append_grid(std::vector<int64_t>& ids, const TokenGrid& grid, int t) {
  for (int row = 0; row < grid.rows; ++row) {
    for (int column = 0; column < grid.columns; ++column) {
      ids.insert(ids.end(), {t, row, column, 0});
    }
  }
}

} // namespace

Positions PosEmbed::prepare(const mx::array& ids) const {
  const auto axes = static_cast<int>(axes_dim.size());
  if ((ids.ndim() != 2 && ids.ndim() != 3) || ids.shape(-1) < axes ||
      (ids.ndim() == 3 && ids.shape(0) < 1)) {
    reject(ids, fmt::format("[tokens, {0}] or [batch, tokens, {0}]", axes));
  }
  const auto numbers = nn::host_values(ids);
  std::vector<float> positions;
  for (int i = 0; i < ids.shape(-2) * axes; ++i) {
    positions.push_back(static_cast<float>(numbers[i / axes * ids.shape(-1) + i % axes]));
  }
  for (const float position : positions) {
    if (!std::isfinite(position)) {
      throw Error(fmt::format("{}: an id is not finite, expected positions", path()));
    }
  }
  return {.ids = ids, .tables = nn::rotary_tables(positions, axes_dim, theta)};
}

Positions PosEmbed::seen(const Positions& prepared, const mx::array& ids) const {
  return ids.id() == prepared.ids.id() ? prepared : prepare(ids);
}

nn::RotaryTables PosEmbed::operator()(const Positions& positions) const {
  const auto call = this->call();
  const Positions rows{.ids = first_of_batch(positions.ids), .tables = positions.tables};
  const auto tables = seen(rows, call.in(rows.ids, nn::Axes::as_is)).tables;
  return {
      .cos = call.out(0, tables.cos, nn::Axes::as_is),
      .sin = call.out(1, tables.sin, nn::Axes::as_is)};
}

mx::array text_ids(int batch, int tokens) {
  std::vector<int64_t> ids;
  for (int i = 0; i < tokens; ++i) {
    ids.insert(ids.end(), {0, 0, 0, i});
  }
  return repeated(ids, batch);
}

mx::array image_ids(int batch, const TokenGrid& image) {
  std::vector<int64_t> ids;
  append_grid(ids, image, 0);
  return repeated(ids, batch);
}

mx::array reference_ids(int batch, const std::vector<TokenGrid>& images) {
  std::vector<int64_t> ids;
  for (size_t i = 0; i < images.size(); ++i) {
    append_grid(ids, images[i], kTimeStride + kTimeStride * static_cast<int>(i));
  }
  return repeated(ids, batch);
}

} // namespace mflux::flux2
