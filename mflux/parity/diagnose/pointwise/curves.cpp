#include "mflux/parity/diagnose/pointwise/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace mflux::parity {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

double softplus(double x) {
  return x > 30 ? x : std::log1p(std::exp(x));
}

constexpr auto kCurves = std::to_array<Curve>({
    {"no activation", [](double x) { return x; }, kNone},
    {"gelu (erf)",
     [](double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); },
     -0.7517915246935},
    {"gelu (tanh)", gelu_tanh, -0.7524614220},
    {"quick gelu (x * sigmoid(1.702 x))",
     [](double x) { return x * sigmoid(1.702 * x); },
     -1.2784645427 / 1.702},
    {"silu", [](double x) { return x * sigmoid(x); }, -1.2784645427},
    {"relu", [](double x) { return std::max(x, 0.0); }, kNone},
    {"hard swish", [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }, -1.5},
    {"hard sigmoid", [](double x) { return std::clamp(x + 3, 0.0, 6.0) / 6; }, kNone},
    {"sigmoid", sigmoid, kNone},
    {"tanh", [](double x) { return std::tanh(x); }, kNone},
    {"mish", [](double x) { return x * std::tanh(softplus(x)); }, -1.1924312160},
    {"softplus", softplus, kNone},
    {"elu", [](double x) { return x > 0 ? x : std::expm1(x); }, kNone},
    {"leaky relu (0.01)", [](double x) { return x > 0 ? x : 0.01 * x; }, kNone},
    {"leaky relu (0.1)", [](double x) { return x > 0 ? x : 0.1 * x; }, kNone},
    {"leaky relu (0.2)", [](double x) { return x > 0 ? x : 0.2 * x; }, kNone},
    {"squared relu", [](double x) { return x > 0 ? x * x : 0; }, kNone},
});

} // namespace

std::span<const Curve> curves() {
  return kCurves;
}

} // namespace mflux::parity
