// A warp for each head of 128 channels of each token: queries and keys get RMSNorm and rotary
// embedding, values are copied. Tokens before `split` come from the first source, the others from
// the second. A source is [batch, its tokens, width]; offsets and widths count elements.
// A lane holds four channels; pairs are neighbours, or (halves) lie 64 apart: 16 lanes on.

constexpr int kDim = 128;

struct alignas(8) Four {
  uint pair[2];
};

__device__ inline void widen(const Four& vector, float* values) {
  values[0] = low(vector.pair[0]);
  values[1] = high(vector.pair[0]);
  values[2] = low(vector.pair[1]);
  values[3] = high(vector.pair[1]);
}

__device__ inline void turn(float* x, const float4& cos, const float4& sin, int halves) {
  const float c[4] = {cos.x, cos.y, cos.z, cos.w}, s[4] = {sin.x, sin.y, sin.z, sin.w};
  float other[4];
  if (halves) {
    const float sign = threadIdx.x % 32 < 16 ? -1.0f : 1.0f;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      other[i] = sign * __shfl_xor_sync(0xffffffffu, x[i], 16);
    }
  } else {
    other[0] = -x[1];
    other[1] = x[0];
    other[2] = -x[3];
    other[3] = x[2];
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    x[i] = x[i] * c[i] + other[i] * s[i];
  }
}

extern "C" __global__ void turned_heads(
    const unsigned short* q1, const unsigned short* k1, const unsigned short* v1,
    const unsigned short* q2, const unsigned short* k2, const unsigned short* v2,
    const unsigned short* q_weight1, const unsigned short* k_weight1,
    const unsigned short* q_weight2, const unsigned short* k_weight2, const float* cos,
    const float* sin, unsigned short* q, unsigned short* k, unsigned short* v, int batch,
    int tokens, int split, int heads, int kv_heads, int copies, int q_at, int k_at, int v_at,
    int q_width1, int k_width1, int v_width1, int q_width2, int k_width2, int v_width2, float eps,
    int halves) {
  const int per_token = heads + kv_heads + (copies ? kv_heads : 0);
  const long long warp = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  if (warp >= static_cast<long long>(batch) * tokens * per_token) {
    return;
  }
  const int lane = threadIdx.x % 32;
  const long long row = warp / per_token;
  int head = static_cast<int>(warp % per_token);
  const int token = static_cast<int>(row % tokens);
  const long long sample = row / tokens;
  const bool first = token < split;
  const long long source_row =
      first ? sample * split + token : sample * (tokens - split) + token - split;

  const unsigned short *source, *weight = nullptr;
  unsigned short* target;
  if (head < heads) {
    source = first ? q1 + source_row * q_width1 : q2 + source_row * q_width2;
    source += q_at;
    weight = first ? q_weight1 : q_weight2;
    target = q + row * heads * kDim;
  } else if (head < heads + kv_heads) {
    head -= heads;
    source = first ? k1 + source_row * k_width1 : k2 + source_row * k_width2;
    source += k_at;
    weight = first ? k_weight1 : k_weight2;
    target = k + row * kv_heads * kDim;
  } else {
    head -= heads + kv_heads;
    source = first ? v1 + source_row * v_width1 : v2 + source_row * v_width2;
    source += v_at;
    target = v + row * kv_heads * kDim;
  }
  const int at = head * kDim + lane * 4;
  const Four raw = *reinterpret_cast<const Four*>(source + at);
  if (weight == nullptr) {
    *reinterpret_cast<Four*>(target + at) = raw;
    return;
  }
  float x[4], w[4];
  widen(raw, x);
  widen(*reinterpret_cast<const Four*>(weight + lane * 4), w);
  const float squares = warp_sum(x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3]);
  const float factor = rsqrtf(squares / kDim + eps);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    x[i] *= factor * w[i];
  }
  const int table = token * (kDim / 4) + lane;
  turn(x, reinterpret_cast<const float4*>(cos)[table], reinterpret_cast<const float4*>(sin)[table],
       halves);
  *reinterpret_cast<Four*>(target + at) = {packed(x[0], x[1]), packed(x[2], x[3])};
}
