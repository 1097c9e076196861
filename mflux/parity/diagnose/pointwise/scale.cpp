#include "mflux/parity/diagnose/pointwise/scale.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "mflux/parity/diagnose/pointwise/lay.h"

namespace mflux::parity {
namespace {

struct Constant {
  double value;
  const char* text;
};

constexpr auto kConstants = std::to_array<Constant>({
    {2, "2"},
    {0.5, "1/2"},
    {4, "4"},
    {0.25, "1/4"},
    {8, "8"},
    {0.125, "1/8"},
    {1000, "1000"},
    {1e-3, "1/1000"},
    {127.5, "127.5"},
    {1 / 127.5, "1/127.5"},
    {255, "255"},
    {1 / 255.0, "1/255"},
    {std::numbers::pi, "π"},
    {2 * std::numbers::pi, "2π"},
    {1 / std::numbers::pi, "1/π"},
    {std::numbers::sqrt2, "√2"},
    {1 / std::numbers::sqrt2, "1/√2"},
    {0.18215, "the VAE's scaling factor 0.18215"},
    {1 / 0.18215, "1/0.18215, of the VAE's scaling factor"},
    {0.18215 * 0.18215, "0.18215 squared: the VAE's scaling factor the wrong way round"},
    {1 / (0.18215 * 0.18215), "1/0.18215 squared: the VAE's scaling factor the wrong way round"},
    {0.13025, "the VAE's scaling factor 0.13025"},
    {1 / 0.13025, "1/0.13025, of the VAE's scaling factor"},
    {0.13025 * 0.13025, "0.13025 squared: the VAE's scaling factor the wrong way round"},
    {1 / (0.13025 * 0.13025), "1/0.13025 squared: the VAE's scaling factor the wrong way round"},
    {0.3611, "the VAE's scaling factor 0.3611"},
    {1 / 0.3611, "1/0.3611, of the VAE's scaling factor"},
    {0.3611 * 0.3611, "0.3611 squared: the VAE's scaling factor the wrong way round"},
    {1 / (0.3611 * 0.3611), "1/0.3611 squared: the VAE's scaling factor the wrong way round"},
    {1.5305, "the VAE's scaling factor 1.5305"},
    {1 / 1.5305, "1/1.5305, of the VAE's scaling factor"},
    {1.5305 * 1.5305, "1.5305 squared: the VAE's scaling factor the wrong way round"},
    {1 / (1.5305 * 1.5305), "1/1.5305 squared: the VAE's scaling factor the wrong way round"},
});

constexpr auto kTerms = std::to_array<Constant>({
    {0.1159, "the VAE's shift 0.1159"},
    {0.0609, "the VAE's shift 0.0609"},
    {0.0609 / 1.5305, "the VAE's shift 0.0609 over 1.5305"},
    {0.1159 * 0.3611, "the VAE's shift 0.1159 times 0.3611"},
    {0.1159 / 0.3611, "the VAE's shift 0.1159 over 0.3611"},
});

bool is_near(double value, double constant, double precision) {
  return std::abs(value - constant) <= precision * std::abs(constant);
}

/// The constant's name behind a factor, "" when it has none.
std::string factor_name(double factor, const artifacts::Shape& shape, double precision) {
  const double size = std::abs(factor);
  for (const auto& constant : kConstants) {
    if (is_near(size, constant.value, precision)) {
      return constant.text;
    }
  }
  for (const int64_t d : shape) {
    const auto width = static_cast<double>(d);
    const std::array<std::pair<double, const char*>, 4> forms = {
        std::pair{std::sqrt(width), "√{}"},
        std::pair{1 / std::sqrt(width), "1/√{}"},
        std::pair{width, "{}"},
        std::pair{1 / width, "1/{}"}};
    for (const auto& [value, text] : forms) {
      if (d > 1 && is_near(size, value, precision)) {
        return fmt::format(fmt::runtime(text), d);
      }
    }
  }
  for (int64_t d = 2; d <= 8192; d *= 2) {
    if (is_near(size, std::sqrt(static_cast<double>(d)), precision)) {
      return fmt::format("√{}", d);
    }
    if (is_near(size, 1 / std::sqrt(static_cast<double>(d)), precision)) {
      return fmt::format("1/√{}", d);
    }
  }
  return "";
}

std::string term_name(double term, double precision) {
  for (const auto& constant : kTerms) {
    if (is_near(std::abs(term), constant.value, precision)) {
      return constant.text;
    }
  }
  return "";
}

/// Whether factors of their own for the places along an axis would explain most of what one factor
/// leaves: then it was no constant.
bool depends_on_place(const Case& at, const Field& field) {
  double left = 0;
  for (size_t i = 0; i < field.values.size(); ++i) {
    left += std::pow(at.port.values[i] - field.values[i], 2);
  }
  if (residual(at, field) < 0.2 * at.floor()) {
    return false;
  }
  for (int64_t axis = 0; axis < at.port.rank(); ++axis) {
    const Cells cells(at.port.shape, {axis});
    if (cells.count() < 2 || at.port.count() / cells.count() < 4) {
      continue;
    }
    std::vector<Line> lines(static_cast<size_t>(cells.count()));
    for (int64_t i = 0; i < field.count(); ++i) {
      const auto k = static_cast<size_t>(i);
      lines[static_cast<size_t>(cells.of(i))].add(
          field.values[k], at.port.values[k] - field.values[k]);
    }
    double explained = 0;
    for (const auto& line : lines) {
      explained += line.xx > 0 ? line.xy * line.xy / line.xx : 0;
    }
    const double by_chance =
        static_cast<double>(cells.count()) / static_cast<double>(field.count());
    if (explained > left * (0.3 + 2 * by_chance)) {
      return true;
    }
  }
  return false;
}

Line line_of(const Case& at, const Half& fit) {
  Line line;
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    if (fit.holds(i)) {
      line.add(at.ref.values[static_cast<size_t>(i)], at.port.values[static_cast<size_t>(i)]);
    }
  }
  return line;
}

Field affine(const Case& at, double factor, double term) {
  Field field{at.port.shape, at.ref.values};
  for (double& value : field.values) {
    value = factor * value + term;
  }
  return field;
}

double name_precision(const Case& at) {
  return std::max(2e-5, 0.5 * at.floor());
}

std::string described(const char* what, double value, const std::string& name) {
  return name.empty() ? fmt::format("{} {:.6g}", what, value)
                      : fmt::format("{} {:.6g} = {}{}", what, value, value < 0 ? "-" : "", name);
}

std::optional<Prediction> one_factor(const Case& at, const Half& fit) {
  const double factor = line_of(at, fit).scale();
  if (factor == 0 || std::abs(factor - 1) < 2 * at.floor() ||
      std::abs(factor + 1) < 2 * at.floor()) {
    return std::nullopt;
  }
  Prediction out{affine(at, factor, 0), {}, {}};
  const std::string name = factor_name(factor, at.port.shape, name_precision(at));
  if (!is_tight(at, out.field, fit) && (name.empty() || depends_on_place(at, out.field))) {
    return std::nullopt;
  }
  if (at.floor() > 1e-4 && depends_on_place(at, out.field)) {
    return std::nullopt;
  }
  out.transform = fmt::format("scale {:.9g}", 1 / factor);
  out.detail = "the port is the reference times " + described("", factor, name).substr(1);
  return out;
}

std::optional<Prediction> factor_and_term(const Case& at, const Half& fit) {
  const Line line = line_of(at, fit);
  const double factor = line.slope(), term = line.offset();
  const double rms = std::sqrt(line.xx / std::max(line.n, 1.0));
  if (factor == 0 || std::abs(term) < 4 * at.floor() * rms * std::abs(factor)) {
    return std::nullopt;
  }
  Prediction out{affine(at, factor, term), {}, {}};
  if (!is_tight(at, out.field, fit) || depends_on_place(at, out.field)) {
    return std::nullopt;
  }
  const double precision = 10 * name_precision(at);
  const bool is_one = std::abs(factor - 1) < 2 * at.floor();
  out.transform = fmt::format("add {:.9g}", -term);
  if (!is_one) {
    out.transform += fmt::format(" | scale {:.9g}", 1 / factor);
  }
  out.detail = is_one
                   ? described("the port is the reference plus", term, term_name(term, precision))
                   : described(
                         "the port is the reference times",
                         factor,
                         factor_name(factor, at.port.shape, precision)) +
                         described(", plus", term, term_name(term, precision));
  return out;
}

Field negated(const Case& at, const Lay& lay, int which) {
  Field field{at.port.shape, at.ref.values};
  for (int64_t i = 0; i < field.count(); ++i) {
    const int64_t place = lay.at(i);
    const bool is_first =
        which < 2 ? (place < lay.n / 2) == (which == 0) : (place % 2 == 0) == (which == 2);
    if (is_first) {
      field.values[static_cast<size_t>(i)] *= -1;
    }
  }
  return field;
}

bool is_on_circle(double a, double b) {
  return std::abs(a * a + b * b - 1) < 0.02;
}

/// Cosines and sines, side by side or as two outputs: a sign there is the rotation's.
bool is_rotation_table(const Case& at) {
  const auto& values = at.ref.values;
  bool is_table = at.ref.width() == 2;
  for (size_t i = 0; is_table && i + 1 < values.size(); i += 2) {
    is_table = is_on_circle(values[i], values[i + 1]);
  }
  if (is_table) {
    return true;
  }
  for (const char* other : {".out.0", ".out.1"}) {
    const auto beside = at.sibling(other);
    if (!beside || beside->ref.count() != at.ref.count()) {
      continue;
    }
    is_table = true;
    for (size_t i = 0; is_table && i < values.size(); ++i) {
      is_table = is_on_circle(values[i], beside->ref.values[i]);
    }
    if (is_table) {
      return true;
    }
  }
  return false;
}

} // namespace

void propose_scale(const Case& at, Proposals& proposals) {
  constexpr int64_t kFewDistinct = 8;
  if (at.ref.count() != at.port.count() || distinct(at.ref, kFewDistinct) < kFewDistinct) {
    return;
  }
  // Far from any line: one look is enough.
  const Line line = line_of(at, Half::all());
  const double spread_x = line.xx - line.x * line.x / line.n;
  const double spread_y = line.yy - line.y * line.y / line.n;
  const double shared = line.xy - line.x * line.y / line.n;
  if (shared * shared < 0.9 * spread_x * spread_y) {
    return;
  }
  proposals.add({"scale.constant", [&at](const Half& fit) { return one_factor(at, fit); }, true});
  proposals.add(
      {"scale.constant", [&at](const Half& fit) { return factor_and_term(at, fit); }, true});
}

void propose_sign(const Case& at, Proposals& proposals) {
  if (at.ref.count() != at.port.count() || is_rotation_table(at)) {
    return;
  }
  if (line_of(at, Half::all()).xy < 0) {
    proposals.add(
        {"sign.flip",
         [&at](const Half&) {
           return Prediction{affine(at, -1, 0), "negate", "every value has the other sign"};
         },
         false});
  }
  if (!at.same_shape || at.port.rank() == 0 || at.before() < 0.1) {
    return;
  }
  constexpr std::array<const char*, 4> kParts = {"first half", "second half", "even", "odd"};
  for (const int64_t axis : {int64_t{-1}, int64_t{1}}) {
    const Lay lay = axis < at.port.rank() ? lay_of(at.port.shape, axis) : Lay{};
    if (lay.n < 2 || lay.n % 2 != 0 || (axis == 1 && at.port.rank() < 3)) {
      continue;
    }
    for (int which = 0; which < 4; ++which) {
      proposals.add(
          {"sign.flip",
           [&at, lay, which, axis, kParts](const Half&) {
             return Prediction{
                 negated(at, lay, which),
                 "",
                 fmt::format(
                     "the {} of axis {} has the other sign",
                     kParts[static_cast<size_t>(which)],
                     axis)};
           },
           false});
    }
  }
}

} // namespace mflux::parity
