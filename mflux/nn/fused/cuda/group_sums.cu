// A block for some rows of one sample: sum = x + y (where adds), and of each group the sums of the
// numbers and of their squares, about a pivot near the group's mean so that large means do not
// cancel: parts [batch, blocks, 2, groups]. x, y, sum are [batch, rows, channels]. A thread keeps
// to one vector of channels; channels of a group are 8 · k, or divide 8.

constexpr int kThreads = 256;

extern "C" __global__ void group_sums(
    const Eight* x, const Eight* y, const float* bias, Eight* sum, float* parts, int rows,
    int vectors, int groups, int blocks, int rows_per_block, int adds, int has_bias) {
  __shared__ float sums[8 * kThreads], squares[8 * kThreads], pivots[1024];
  const int batch = blockIdx.x / blocks, block = blockIdx.x % blocks;
  const int channels = 8 * vectors, per_group = channels / groups;
  x += static_cast<long long>(batch) * rows * vectors;
  y += adds ? static_cast<long long>(batch) * rows * vectors : 0;
  sum += adds ? static_cast<long long>(batch) * rows * vectors : 0;
  for (int group = threadIdx.x; group < groups; group += kThreads) {
    const int channel = group * per_group;
    float values[8], added[8];
    widen(x[channel / 8], values);
    if (adds) {
      widen(y[channel / 8], added);
    }
    pivots[group] = values[channel % 8] + (adds ? added[channel % 8] : 0.0f) +
                    (has_bias ? bias[channel] : 0.0f);
  }
  __syncthreads();

  const int at_once = kThreads / vectors;
  const int column = threadIdx.x % vectors, first = threadIdx.x / vectors;
  const bool works = first < at_once;
  float s[8] = {0}, q[8] = {0}, offset[8], pivot[8];
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    offset[j] = has_bias && works ? bias[8 * column + j] : 0.0f;
    pivot[j] = pivots[(8 * column + j) / per_group];
  }
  const int begin = block * rows_per_block;
  const int end = min(begin + rows_per_block, rows);
  for (int row = begin + first; works && row < end; row += at_once) {
    const long long at = static_cast<long long>(row) * vectors + column;
    float values[8];
    widen(x[at], values);
    if (adds) {
      float added[8];
      widen(y[at], added);
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        values[j] += added[j] + offset[j];
      }
      const Eight rounded = narrow(values);
      sum[at] = rounded;
      widen(rounded, values);
    } else {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        values[j] += offset[j];
      }
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const float centred = values[j] - pivot[j];
      s[j] += centred;
      q[j] += centred * centred;
    }
  }
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    sums[j * kThreads + threadIdx.x] = s[j];
    squares[j * kThreads + threadIdx.x] = q[j];
  }
  __syncthreads();
  float* part = parts + static_cast<long long>(blockIdx.x) * 2 * groups;
  for (int group = threadIdx.x; group < groups; group += kThreads) {
    float total = 0, total_squares = 0;
    for (int channel = group * per_group; channel < (group + 1) * per_group; ++channel) {
      for (int line = 0; line < at_once; ++line) {
        const int from = channel % 8 * kThreads + line * vectors + channel / 8;
        total += sums[from];
        total_squares += squares[from];
      }
    }
    part[group] = total;
    part[groups + group] = total_squares;
  }
}
