#include "mflux/models/flux2/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mflux/base/error.h"
#include "mflux/models/flux2/references.h"

namespace mflux::flux2 {

using pipelines::Plan;
using pipelines::Request;

namespace {

/// What a side is when nobody asks: the first picture's that the request starts from.
struct Sides {
  int width, height;
};

Sides default_sides(const ModelFolder& model, const Request& request) {
  const int unit = model.pixels_per_token();
  if (!request.references.empty()) {
    const auto size = reference_size(request.references.front(), unit, 1);
    return {size.width, size.height};
  }
  if (request.start) {
    const auto& image = request.start->image;
    return {image.width / unit * unit, image.height / unit * unit};
  }
  return {model.call.width, model.call.height};
}

int whole_tokens(const char* what, int asked, int unit, Plan& plan) {
  if (asked < unit || asked > kLongestSide) {
    throw Error(
        fmt::format("the {} is {} pixels, expected {} to {}", what, asked, unit, kLongestSide));
  }
  const int side = asked / unit * unit;
  if (side != asked) {
    plan.remarks.push_back(
        fmt::format("the {} {} was rounded down to {}, a multiple of {}", what, asked, side, unit));
  }
  return side;
}

void plan_guidance(const ModelFolder& model, const Request& request, Plan& plan) {
  plan.guidance = request.guidance.value_or(model.call.guidance);
  if (!(plan.guidance >= 0 && std::isfinite(plan.guidance))) {
    throw Error(fmt::format("the guidance is {}, expected 0 or more", plan.guidance));
  }
  if (model.is_distilled) {
    if (request.guidance && plan.guidance > 1) {
      throw Error(fmt::format(
          "the guidance is {}, but {} is a distilled model, which has none: leave it out or use a "
          "base model",
          plan.guidance,
          model.path.string()));
    }
    if (request.negative_prompt) {
      throw Error(fmt::format(
          "a negative prompt was given, but {} is a distilled model, which has none: leave it out "
          "or use a base model",
          model.path.string()));
    }
  }
  plan.is_guided = plan.guidance > 1 && !model.is_distilled;
  if (request.negative_prompt && !plan.is_guided) {
    throw Error(fmt::format(
        "a negative prompt was given, but a guidance of {} has no use for it: it must be above 1",
        plan.guidance));
  }
}

void plan_schedule(const ModelFolder& model, const Request& request, Plan& plan) {
  const auto given = static_cast<int>(request.sigmas.size());
  if (given > 0 && request.steps && *request.steps != given) {
    throw Error(fmt::format(
        "{} steps and {} sigmas contradict each other: leave the steps out",
        *request.steps,
        given));
  }
  plan.steps = given > 0 ? given : request.steps.value_or(model.call.steps);
  plan.sigmas = schedule_for(model, request, plan).sigmas;
}

void check_pictures(const ModelFolder& model, const Request& request) {
  if (request.start && !request.references.empty()) {
    throw Error(
        "a picture to start from and reference pictures were given; this model takes one or the "
        "other");
  }
  for (size_t i = 0; i < request.references.size(); ++i) {
    reference_size(request.references[i], model.pixels_per_token(), i + 1);
  }
}

void check_latents(const ModelFolder& model, const Request& request, const Plan& plan) {
  if (!request.latents) {
    return;
  }
  const auto grid = token_grid(model, plan);
  const mx::Shape expected{1, model.token_channels(), grid.rows, grid.columns};
  const auto& shape = request.latents->shape();
  if (shape != expected || !mx::issubdtype(request.latents->dtype(), mx::floating)) {
    throw Error(fmt::format(
        "the latents are [{}], expected floating-point numbers [{}] for {} × {} pixels",
        fmt::join(shape.begin(), shape.end(), ", "),
        fmt::join(expected.begin(), expected.end(), ", "),
        plan.width,
        plan.height));
  }
}

} // namespace

TokenGrid token_grid(const ModelFolder& model, const Plan& plan) {
  const int unit = model.pixels_per_token();
  return {.columns = plan.width / unit, .rows = plan.height / unit};
}

Schedule schedule_for(const ModelFolder& model, const Request& request, const Plan& plan) {
  const auto grid = token_grid(model, plan);
  const auto schedule = make_schedule(
      model.scheduler,
      request.sigmas.empty() ? linear_sigmas(plan.steps) : request.sigmas,
      empirical_mu(int64_t{grid.columns} * grid.rows, plan.steps));
  if (!request.start) {
    return schedule;
  }
  const double strength = request.start->strength;
  const int left_out = steps_left_out(plan.steps, strength);
  if (left_out == plan.steps) {
    throw Error(fmt::format(
        "a strength of {} leaves no step to do, expected above 0 and at most 1", strength));
  }
  return without_first_steps(schedule, left_out);
}

Plan plan_sizes(const ModelFolder& model, const Request& request) {
  Plan plan;
  check_pictures(model, request);
  const Sides sides = default_sides(model, request);
  const int unit = model.pixels_per_token();
  plan.width = whole_tokens("width", request.width.value_or(sides.width), unit, plan);
  plan.height = whole_tokens("height", request.height.value_or(sides.height), unit, plan);
  plan.max_sequence_length = request.max_sequence_length.value_or(model.call.max_sequence_length);
  if (plan.max_sequence_length < 1) {
    throw Error(fmt::format(
        "the maximal sequence length is {}, expected 1 or more", plan.max_sequence_length));
  }
  return plan;
}

void plan_steps(const ModelFolder& model, const Request& request, Plan& plan) {
  plan_guidance(model, request, plan);
  plan_schedule(model, request, plan);
  check_latents(model, request, plan);
}

} // namespace mflux::flux2
