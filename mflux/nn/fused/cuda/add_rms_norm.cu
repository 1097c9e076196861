// A block for each row, a thread for each vector of it: sum = x + y, then normed = weight · sum /
// rms(sum).

extern "C" __global__ void add_rms_norm(
    const Eight* x, const Eight* y, const Eight* weight, Eight* sum, Eight* normed, int vectors,
    float eps, int adds) {
  __shared__ float partial[32];
  const int lane = threadIdx.x;
  const bool works = lane < vectors;
  const long long at = static_cast<long long>(blockIdx.x) * vectors + lane;
  float values[8] = {0};
  if (works) {
    widen(x[at], values);
  }
  if (works && adds) {
    float added[8];
    widen(y[at], added);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      values[j] += added[j];
    }
    const Eight rounded = narrow(values);
    sum[at] = rounded;
    widen(rounded, values);
  }
  float squares = 0;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    squares += values[j] * values[j];
  }
  const float factor = rsqrtf(block_sum(squares, partial) / (8 * vectors) + eps);
  if (works) {
    float w[8];
    widen(weight[lane], w);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      values[j] *= factor * w[j];
    }
    normed[at] = narrow(values);
  }
}
