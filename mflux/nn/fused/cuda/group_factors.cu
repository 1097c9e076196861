// A warp for each group of each sample: from the parts of group_sums, what turns x into
// weight · GroupNorm(x + offset) + bias, as x · factor + term: factors [batch, 2, channels].
// x and y are what the sums were taken of: the pivot is read from them again.

extern "C" __global__ void group_factors(
    const float* parts, const Eight* x, const Eight* y, const float* offset, const float* weight,
    const float* bias, float* factors, int samples, int rows, int vectors, int groups, int blocks,
    float eps, int adds, int has_offset) {
  const int channels = 8 * vectors, per_group = channels / groups;
  const int warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (warp >= samples * groups) {
    return;
  }
  const int batch = warp / groups, group = warp % groups;
  float sum = 0, squares = 0;
  for (int block = lane; block < blocks; block += 32) {
    const float* part = parts + (static_cast<long long>(batch) * blocks + block) * 2 * groups;
    sum += part[group];
    squares += part[groups + group];
  }
  sum = warp_sum(sum);
  squares = warp_sum(squares);

  const int first = group * per_group;
  const long long at = static_cast<long long>(batch) * rows * vectors + first / 8;
  float values[8], added[8];
  widen(x[at], values);
  float pivot = values[first % 8] + (has_offset ? offset[first] : 0.0f);
  if (adds) {
    widen(y[at], added);
    pivot = values[first % 8] + added[first % 8] + (has_offset ? offset[first] : 0.0f);
  }
  const float count = static_cast<float>(rows) * per_group;
  const float shift = sum / count, mean = pivot + shift;
  const float scale = rsqrtf(fmaxf(squares / count - shift * shift, 0.0f) + eps);
  for (int channel = first + lane; channel < first + per_group; channel += 32) {
    const float factor = scale * weight[channel];
    // Where y was added, so was the offset: the sum that comes next holds both.
    const float missing = has_offset && !adds ? offset[channel] : 0.0f;
    factors[batch * 2 * channels + channel] = factor;
    factors[(batch * 2 + 1) * channels + channel] = (missing - mean) * factor + bias[channel];
  }
}
