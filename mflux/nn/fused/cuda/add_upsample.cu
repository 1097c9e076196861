// A thread for each vector of x [batch, height, width, channels]: x + y + bias, as far as they are
// there, written to the four pixels of its place in [batch, 2 · height, 2 · width, channels].

extern "C" __global__ void add_upsample(
    const Eight* x, const Eight* y, const float* bias, Eight* out, int pixels, int width,
    int vectors, int adds, int has_bias) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<long long>(pixels) * vectors) {
    return;
  }
  const int column = static_cast<int>(i % vectors);
  const int pixel = static_cast<int>(i / vectors);
  Eight value = x[i];
  if (adds || has_bias) {
    float values[8], added[8];
    widen(value, values);
    if (adds) {
      widen(y[i], added);
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      values[j] += (adds ? added[j] : 0.0f) + (has_bias ? bias[8 * column + j] : 0.0f);
    }
    value = narrow(values);
  }
  const long long row = pixel / width, across = pixel % width; // rows of all samples
  Eight* to = out + (row * 4 * width + 2 * across) * vectors + column;
  to[0] = value;
  to[vectors] = value;
  to[2LL * width * vectors] = value;
  to[2LL * width * vectors + vectors] = value;
}
