// A block for each row, a thread for each vector of it: sum = x + gate · y, then normed =
// (1 + scale) · LayerNorm(sum) + shift. gates and modulation are [batch or 1, width]; gate, shift and
// scale begin at their offsets in a row. Strides and offsets count vectors.

extern "C" __global__ void add_layer_norm_modulate(
    const Eight* x, const Eight* y, const Eight* gates, const Eight* modulation, Eight* sum,
    Eight* normed, int vectors, int rows_per_batch, int gates_stride, int gate_at,
    int modulation_stride, int shift_at, int scale_at, float eps, int adds) {
  __shared__ float partial[32];
  const int lane = threadIdx.x;
  const bool works = lane < vectors;
  const long long at = static_cast<long long>(blockIdx.x) * vectors + lane;
  const int batch = blockIdx.x / rows_per_batch;

  float values[8] = {0};
  if (works) {
    widen(x[at], values);
  }
  if (works && adds) {
    float gate[8], added[8];
    widen(gates[batch * gates_stride + gate_at + lane], gate);
    widen(y[at], added);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      values[j] += gate[j] * added[j];
    }
    const Eight rounded = narrow(values);
    sum[at] = rounded;
    widen(rounded, values);
  }
  float total = 0, squares = 0;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    total += values[j];
  }
  const float mean = block_sum(total, partial) / (8 * vectors);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const float centred = values[j] - mean;
    squares += works ? centred * centred : 0.0f;
  }
  const float factor = rsqrtf(block_sum(squares, partial) / (8 * vectors) + eps);
  if (works) {
    const Eight* row = modulation + batch * modulation_stride + lane;
    float scale[8], shift[8];
    widen(row[scale_at], scale);
    widen(row[shift_at], shift);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      values[j] = (values[j] - mean) * factor * (1.0f + scale[j]) + shift[j];
    }
    normed[at] = narrow(values);
  }
}
