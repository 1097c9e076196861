// A thread for each vector of x [batch, rows, channels]: x · factor + term, then SiLU where wanted;
// factors [batch, 2, channels] as group_factors makes them.

extern "C" __global__ void scale_shift_silu(
    const Eight* x, const float* factors, Eight* out, int batch, int rows, int vectors,
    int activates) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<long long>(batch) * rows * vectors) {
    return;
  }
  const int column = static_cast<int>(i % vectors);
  const int sample = static_cast<int>(i / (static_cast<long long>(rows) * vectors));
  const float4* factor = reinterpret_cast<const float4*>(factors + sample * 16 * vectors) + 2 * column;
  const float4* term = factor + 2 * vectors;
  const float4 a[2] = {factor[0], factor[1]}, b[2] = {term[0], term[1]};
  const float scale[8] = {a[0].x, a[0].y, a[0].z, a[0].w, a[1].x, a[1].y, a[1].z, a[1].w};
  const float shift[8] = {b[0].x, b[0].y, b[0].z, b[0].w, b[1].x, b[1].y, b[1].z, b[1].w};
  float values[8];
  widen(x[i], values);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    values[j] = values[j] * scale[j] + shift[j];
    values[j] = activates ? silu(values[j]) : values[j];
  }
  out[i] = narrow(values);
}
