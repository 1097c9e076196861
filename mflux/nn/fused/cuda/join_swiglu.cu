// A thread for each vector of out [rows, first_width + width]: first as it is, then silu(gate) · up.
// gate and up lie in rows of their own width, from their offsets on. All counts are of vectors.

extern "C" __global__ void join_swiglu(
    const Eight* first, const Eight* gate, const Eight* up, Eight* out, int rows, int first_width,
    int width, int gate_width, int gate_at, int up_width, int up_at) {
  const int joined = first_width + width;
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<long long>(rows) * joined) {
    return;
  }
  const long long row = i / joined;
  const int column = static_cast<int>(i % joined);
  if (column < first_width) {
    out[i] = first[row * first_width + column];
    return;
  }
  const int at = column - first_width;
  float a[8], b[8];
  widen(gate[row * gate_width + gate_at + at], a);
  widen(up[row * up_width + up_at + at], b);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    a[j] = silu(a[j]) * b[j];
  }
  out[i] = narrow(a);
}
