// What the kernels share. They need no header, so that the compiler alone is enough.
// Every kernel takes bfloat16 in vectors of eight and computes in float32.

using uint = unsigned int;

struct alignas(16) Eight {
  uint pair[4];
};

__device__ inline float low(uint pair) {
  return __uint_as_float(pair << 16);
}

__device__ inline float high(uint pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

/// Rounded to nearest, ties to even.
__device__ inline uint packed(float low, float high) {
  uint pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ inline void widen(const Eight& vector, float* values) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[2 * i] = low(vector.pair[i]);
    values[2 * i + 1] = high(vector.pair[i]);
  }
}

__device__ inline Eight narrow(const float* values) {
  Eight vector;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    vector.pair[i] = packed(values[2 * i], values[2 * i + 1]);
  }
  return vector;
}

__device__ inline float silu(float x) {
  return __fdividef(x, 1.0f + __expf(-x));
}

__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    x += __shfl_xor_sync(0xffffffffu, x, step);
  }
  return x;
}

/// The sum over a block of whole warps, known to all its threads. `partial` has room for 32.
__device__ inline float block_sum(float x, float* partial) {
  x = warp_sum(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = x;
  }
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < static_cast<int>(blockDim.x) / 32; ++i) {
    sum += partial[i];
  }
  return sum;
}
