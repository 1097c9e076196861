#include "mflux/parity/metrics/moments.h"

#include <algorithm>
#include <cmath>

namespace mflux::parity {

void Moments::merge(const Moments& part) {
  if (part.count == 0) {
    return;
  }
  if (count == 0) {
    *this = part;
    return;
  }
  const auto total = static_cast<double>(count + part.count);
  const double share = static_cast<double>(part.count) / total;
  const double weight = static_cast<double>(count) * share;
  const double ref_step = part.ref_mean - ref_mean, port_step = part.port_mean - port_mean;
  ref_mean += ref_step * share;
  port_mean += port_step * share;
  ref_ref += part.ref_ref + ref_step * ref_step * weight;
  port_port += part.port_port + port_step * port_step * weight;
  ref_port += part.ref_port + ref_step * port_step * weight;
  absolute += part.absolute;
  square += part.square;
  count += part.count;
}

double Moments::ref_square() const {
  return ref_ref + static_cast<double>(count) * ref_mean * ref_mean;
}

double Moments::port_square() const {
  return port_port + static_cast<double>(count) * port_mean * port_mean;
}

double Moments::product() const {
  return ref_port + static_cast<double>(count) * ref_mean * port_mean;
}

double unit_for(double largest) {
  const bool ordinary = largest == 0 || (largest > 0x1p-450 && largest < 0x1p500);
  return ordinary ? 1 : std::ldexp(1.0, std::clamp(-std::ilogb(largest) - 2, -1022, 1022));
}

Moments ShiftedSums::about(double ref_shift, double port_shift, int64_t count) const {
  Moments out;
  if (count == 0) {
    return out;
  }
  const auto n = static_cast<double>(count);
  out.count = count;
  out.ref_mean = ref_shift + ref / n;
  out.port_mean = port_shift + port / n;
  out.ref_ref = std::max(0.0, ref_ref - ref * ref / n);
  out.port_port = std::max(0.0, port_port - port * port / n);
  out.ref_port = ref_port - ref * port / n;
  out.absolute = absolute;
  out.square = square;
  return out;
}

} // namespace mflux::parity
