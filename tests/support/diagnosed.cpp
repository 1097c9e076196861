#include "support/diagnosed.h"

#include <bit>
#include <cstdint>

#include "support/temporary_folder.h"

namespace mflux::testing {

std::vector<std::string> Diagnosed::causes() const {
  std::vector<std::string> out;
  for (const auto& cause : diagnosis.causes) {
    out.push_back(cause.id + " at " + comparison.rows[cause.row].ref->text);
  }
  return out;
}

Diagnosed diagnosed(
    const std::vector<artifacts::NamedTensor>& ref,
    const std::vector<artifacts::NamedTensor>& port,
    const std::vector<artifacts::NamedTensor>& ref32) {
  const TemporaryFolder folder;
  artifacts::write_npz(folder / "ref.npz", ref);
  artifacts::write_npz(folder / "mlx.npz", port);
  parity::CompareOptions options{folder / "ref.npz", folder / "mlx.npz", {}, {}, {}};
  if (!ref32.empty()) {
    artifacts::write_npz(folder / "ref32.npz", ref32);
    options.ref32 = folder / "ref32.npz";
  }
  Diagnosed out{parity::compare(options), {}};
  out.diagnosis = parity::diagnose(out.comparison);
  return out;
}

std::vector<float> with_noise(std::vector<float> values, unsigned seed) {
  const auto noise = normal(values.size(), seed);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] *= 1 + 3e-7f * noise[i];
  }
  return values;
}

std::vector<float> in_bfloat16(std::vector<float> values) {
  for (float& value : values) {
    auto bits = std::bit_cast<uint32_t>(value);
    bits += 0x7fff + ((bits >> 16) & 1);
    value = std::bit_cast<float>(bits & 0xffff0000u);
  }
  return values;
}

} // namespace mflux::testing
