#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "mflux/parity/diagnose/layout/layer.h"
#include "mflux/parity/diagnose/pipeline/error_shape.h"
#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/rounding.h"
#include "mflux/parity/diagnose/pointwise/norm_model.h"

namespace mflux::parity {
namespace {

/// Rounding of operands never changes more than this.
constexpr double kMostError = 0.05;

using Round = double (*)(double);

double as_it_is(double value) {
  return value;
}

constexpr std::string_view kTf32 = "dtype.tf32";

struct Operands {
  std::string_view id;
  const char* detail;
  Round input, weight, bias, output;
};

constexpr auto kOperands = std::to_array<Operands>({
    {kTf32, "input and weight are rounded to TF32", to_tf32, to_tf32, as_it_is, as_it_is},
    {kTf32, "input and weight are cut off to TF32", cut_to_tf32, cut_to_tf32, as_it_is, as_it_is},
    {"dtype.compute",
     "input and weight in bfloat16",
     to_bfloat16,
     to_bfloat16,
     to_bfloat16,
     as_it_is},
    {"dtype.compute",
     "input and weight, but no bias, in bfloat16",
     to_bfloat16,
     to_bfloat16,
     as_it_is,
     as_it_is},
    {"dtype.compute", "weight in bfloat16", as_it_is, to_bfloat16, to_bfloat16, as_it_is},
    {"dtype.compute", "input in bfloat16", to_bfloat16, as_it_is, as_it_is, as_it_is},
    {"dtype.compute",
     "input, weight and output in bfloat16",
     to_bfloat16,
     to_bfloat16,
     to_bfloat16,
     to_bfloat16},
    {"dtype.compute", "input and weight in float16", to_float16, to_float16, to_float16, as_it_is},
    {"dtype.compute", "weight in float16", as_it_is, to_float16, to_float16, as_it_is},
    {"dtype.compute", "input in float16", to_float16, as_it_is, as_it_is, as_it_is},
    {"dtype.compute",
     "input, weight and output in float16",
     to_float16,
     to_float16,
     to_float16,
     to_float16},
});

void propose_layer(const Case& at, Proposals& proposals) {
  const auto layer = Layer::of(at);
  if (!layer || layer->cost() > kMostMultiplications / 4) {
    return;
  }
  // TF32's and float16's mantissas are alike; but nothing that ran in TF32 is stored in half.
  const bool is_stored_in_half = noise_floor(at.at().metrics->port_effective) > 1e-4;
  for (const auto& operands : kOperands) {
    if (is_stored_in_half && operands.id == kTf32) {
      continue;
    }
    proposals.add(
        {std::string(operands.id),
         [layer, &operands](const Half&) {
           Field field = layer->rounded(operands.input, operands.weight, operands.bias).output();
           for (double& value : field.values) {
             value = operands.output(value);
           }
           return Prediction{std::move(field), "", operands.detail};
         },
         false});
  }
}

/// A norm whose every operation rounds.
Field norm_in_steps(const NormModel& model, Round round) {
  const Field& input = model.input->port;
  const auto& group = model.statistics->group;
  const auto& count = model.statistics->count;
  std::vector<double> mean(count.size()), square(count.size());
  std::vector<double> x(input.values.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = round(input.values[i]);
    mean[static_cast<size_t>(group[i])] += x[i] / count[static_cast<size_t>(group[i])];
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const auto g = static_cast<size_t>(group[i]);
    x[i] = model.form.has_mean ? round(x[i] - round(mean[g])) : x[i];
    square[g] += round(x[i] * x[i]) / count[g];
  }
  for (double& value : square) {
    value = round(1 / std::sqrt(round(round(value) + model.form.eps)));
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const auto cell = static_cast<size_t>(model.cell[i]);
    x[i] = round(x[i] * square[static_cast<size_t>(group[i])]);
    x[i] = x[i] * (model.weight.empty() ? 1 : model.weight[cell]) +
           (model.bias.empty() ? 0 : model.bias[cell]);
  }
  return {input.shape, std::move(x)};
}

/// Statistics in full, of a rounded input.
Field norm_of_rounded(const NormModel& model, Round round) {
  auto pair = std::make_shared<FieldPair>(*model.input);
  pair->ref = model.input->port;
  for (double& value : pair->ref.values) {
    value = round(value);
  }
  NormModel rounded = model;
  rounded.statistics =
      std::make_shared<const Statistics>(statistics_of(pair->ref, model.form.spread));
  rounded.input = std::move(pair);
  return rounded.with(model.form);
}

void propose_norm(const Case& at, Proposals& proposals) {
  const auto model = norm_model(at);
  if (!model || model->form.spread.kind == Spread::Kind::none) {
    return;
  }
  for (const auto& [name, round] :
       {std::pair{"bfloat16", &to_bfloat16}, {"float16", &to_float16}}) {
    const std::string type = name;
    const Round to = round;
    for (const bool all : {false, true}) {
      for (const bool output : {false, true}) {
        proposals.add(
            {"dtype.compute",
             [model, to, all, output, type](const Half&) {
               Field field = all ? norm_in_steps(*model, to) : norm_of_rounded(*model, to);
               for (double& value : field.values) {
                 value = output ? to(value) : value;
               }
               return Prediction{
                   std::move(field),
                   "",
                   fmt::format(
                       "{} of the norm in {}", all ? "every operation" : "the input", type)};
             },
             false});
      }
    }
  }
}

/// The port's values are those of a narrower type, and off by no more than it explains.
void state_by_grid(const Case& at, Proposals& proposals) {
  constexpr int64_t kFewest = 256;
  constexpr double kLeastUnits = 0.3, kMostUnits = 2.5, kMostStructure = 0.2;
  if (!at.is_first || !at.same_shape || at.ref.count() < kFewest || !at.at().metrics) {
    return;
  }
  const auto ref = at.at().metrics->ref_effective, port = at.at().metrics->port_effective;
  const bool was_wide = ref == artifacts::Dtype::float32 || ref == artifacts::Dtype::float64;
  const bool is_bfloat16 = port == artifacts::Dtype::bfloat16;
  if (!was_wide || !(is_bfloat16 || port == artifacts::Dtype::float16)) {
    return;
  }
  const double units = at.before() / (is_bfloat16 ? 0x1p-8 : 0x1p-11);
  if (units > kLeastUnits && units < kMostUnits &&
      explained_by_structure(at.ref, at.port) < kMostStructure) {
    proposals.state(
        {"dtype.compute",
         fmt::format(
             "the port holds {} where the reference holds float32; the error, {:.1e}, is what some "
             "roundings make, and has no structure",
             artifacts::name_of(port),
             at.before()),
         0.8});
  }
}

} // namespace

void propose_narrow_computation(const Case& at, Proposals& proposals) {
  const auto& metrics = at.at().metrics;
  const bool is_wide = metrics && noise_floor(metrics->ref_effective) < 1e-5;
  if (!is_wide || !at.same_shape || must_be_equal(at.at()) || at.before() > kMostError) {
    return; // a reference that rounds itself may differ by as much
  }
  propose_layer(at, proposals);
  propose_norm(at, proposals);
  state_by_grid(at, proposals);
}

} // namespace mflux::parity
