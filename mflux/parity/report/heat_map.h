#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// |d| over two axes of a tensor, long axes in equal parts, all other axes folded together.
struct HeatMap {
  int row_axis = -1, column_axis = -1; ///< of the shape; -1: there is no such axis
  int rows = 1, columns = 1;
  std::vector<double> max,
      mean; ///< of |d| in each cell, row by row; infinite where a side alone is
};

/// The two longest axes, the earlier first; -1 where fewer are longer than 1.
std::pair<int, int> longest_axes(const artifacts::Shape& shape);

/// Collects one as the differences pass by in C order.
class HeatMapBuilder {
 public:
  /// `row_axis` < `column_axis`, each an axis longer than 1 or -1. At most `most` cells a side.
  HeatMapBuilder(const artifacts::Shape& shape, int row_axis, int column_axis, int most);

  /// |d| of the elements from flat index `begin` on.
  void add(int64_t begin, std::span<const double> errors);

  HeatMap finish() const;

 private:
  /// An axis longer than 1 and where the elements of add() stand on it.
  struct Axis {
    int64_t size = 1, at = 0;
    int64_t cells = 1;  ///< 1 where it is folded
    int64_t stride = 0; ///< of cells
  };

  void seek(int64_t begin);
  void add_run(std::span<const double> errors);
  void put(size_t cell, std::span<const double> errors);
  void next_run(int64_t length);

  HeatMap map_;
  std::vector<Axis> axes_;      ///< never empty
  std::vector<int64_t> bounds_; ///< where the cells of the last axis begin, and its end
  std::vector<int64_t> counts_;
};

} // namespace mflux::parity
