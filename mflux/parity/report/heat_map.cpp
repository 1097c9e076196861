#include "mflux/parity/report/heat_map.h"

#include <algorithm>

namespace mflux::parity {

std::pair<int, int> longest_axes(const artifacts::Shape& shape) {
  int first = -1, second = -1;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    const auto size = [&](int axis) { return axis < 0 ? 1 : shape[static_cast<size_t>(axis)]; };
    if (size(i) > size(first)) {
      second = first;
      first = i;
    } else if (size(i) > size(second)) {
      second = i;
    }
  }
  return second < 0 ? std::pair{-1, first}
                    : std::pair{std::min(first, second), std::max(first, second)};
}

HeatMapBuilder::HeatMapBuilder(
    const artifacts::Shape& shape, int row_axis, int column_axis, int most) {
  const auto cells_of = [&](int axis) {
    return axis < 0 ? 1
                    : static_cast<int>(std::min<int64_t>(most, shape[static_cast<size_t>(axis)]));
  };
  map_.row_axis = row_axis;
  map_.column_axis = column_axis;
  map_.rows = cells_of(row_axis);
  map_.columns = cells_of(column_axis);
  const auto cells = static_cast<size_t>(map_.rows) * static_cast<size_t>(map_.columns);
  map_.max.resize(cells);
  map_.mean.resize(cells);
  counts_.resize(cells);
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    const int64_t size = shape[static_cast<size_t>(i)];
    if (i == row_axis) {
      axes_.push_back({size, 0, map_.rows, map_.columns});
    } else if (i == column_axis) {
      axes_.push_back({size, 0, map_.columns, 1});
    } else if (size > 1) {
      axes_.push_back({size, 0, 1, 0});
    }
  }
  if (axes_.empty()) {
    axes_.push_back({});
  }
  const Axis& last = axes_.back();
  for (int64_t cell = 0; cell <= last.cells; ++cell) {
    bounds_.push_back((cell * last.size + last.cells - 1) / last.cells);
  }
}

void HeatMapBuilder::seek(int64_t begin) {
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    axis->at = begin % axis->size;
    begin /= axis->size;
  }
}

void HeatMapBuilder::add(int64_t begin, std::span<const double> errors) {
  seek(begin);
  while (!errors.empty()) {
    const int64_t left = axes_.back().size - axes_.back().at;
    const auto length = std::min(static_cast<size_t>(left), errors.size());
    add_run(errors.first(length));
    errors = errors.subspan(length);
    next_run(static_cast<int64_t>(length));
  }
}

/// Elements that differ in the last axis alone.
void HeatMapBuilder::add_run(std::span<const double> errors) {
  int64_t row = 0;
  for (size_t i = 0; i + 1 < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    row += axis.stride == 0 ? 0 : axis.at * axis.cells / axis.size * axis.stride;
  }
  const Axis& last = axes_.back();
  auto cell = static_cast<size_t>(last.at * last.cells / last.size);
  int64_t at = last.at;
  while (!errors.empty()) {
    const auto length = std::min(static_cast<size_t>(bounds_[cell + 1] - at), errors.size());
    put(static_cast<size_t>(row) + cell * static_cast<size_t>(last.stride), errors.first(length));
    errors = errors.subspan(length);
    at += static_cast<int64_t>(length);
    ++cell;
  }
}

void HeatMapBuilder::put(size_t cell, std::span<const double> errors) {
  double most = map_.max[cell], sum = 0;
  for (const double error : errors) {
    most = std::max(most, error);
    sum += error;
  }
  map_.max[cell] = most;
  map_.mean[cell] += sum;
  counts_[cell] += static_cast<int64_t>(errors.size());
}

void HeatMapBuilder::next_run(int64_t length) {
  axes_.back().at += length;
  for (size_t i = axes_.size(); i-- > 1 && axes_[i].at == axes_[i].size;) {
    axes_[i].at = 0;
    ++axes_[i - 1].at;
  }
}

HeatMap HeatMapBuilder::finish() const {
  HeatMap map = map_;
  for (size_t i = 0; i < counts_.size(); ++i) {
    map.mean[i] /= static_cast<double>(std::max<int64_t>(counts_[i], 1));
  }
  return map;
}

} // namespace mflux::parity
