#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/loop_roles.h"

namespace mflux::parity {
namespace {

using Values = std::vector<double>;

constexpr int64_t kMostSteps = 4096;
constexpr size_t kFewest = 3;
constexpr double kKarrasRho = 7;

void add(
    Proposals& proposals,
    const char* id,
    Values values,
    std::string detail,
    std::string undo = "") {
  proposals.add(
      {id,
       [values = std::move(values), detail = std::move(detail), undo = std::move(undo)](
           const Half&) {
         const auto n = static_cast<int64_t>(values.size());
         return Prediction{{{n}, values}, undo, detail};
       },
       false});
}

double shifted(double sigma, double shift) {
  return shift * sigma / (1 + (shift - 1) * sigma);
}

/// The shift that makes one sigma of the other, from the middle of the schedule.
std::optional<double> shift_between(const Values& ref, const Values& port) {
  for (size_t away = 0; away < ref.size(); ++away) {
    const size_t middle = ref.size() / 2;
    const size_t i = away % 2 == 0 ? middle + away / 2 : middle - (away + 1) / 2;
    if (i >= ref.size()) {
      continue;
    }
    const double s = ref[i], p = port[i];
    if (s > 0 && s < 1 && p > 0 && p < 1) {
      return p / (1 - p) * (1 - s) / s;
    }
  }
  return std::nullopt;
}

void propose_shift(const Values& ref, const Values& port, double unit, Proposals& proposals) {
  Values s = ref, p = port;
  for (size_t i = 0; i < s.size(); ++i) {
    s[i] /= unit;
    p[i] /= unit;
  }
  const auto shift = shift_between(s, p);
  if (!shift || !std::isfinite(*shift) || std::abs(*shift - 1) < 1e-4) {
    return;
  }
  for (double& sigma : s) {
    sigma = shifted(sigma, *shift) * unit;
  }
  add(proposals,
      "scheduler.sigmas",
      s,
      fmt::format(
          "sigmas are the reference's shifted by {:.6g} (mu {:.6g})", *shift, std::log(*shift)));
}

/// Schedules that are even steps of something.
struct Kind {
  const char* name;
  double (*to)(double);
  double (*from)(double);
};

constexpr auto kKinds = std::to_array<Kind>({
    {"even steps", [](double x) { return x; }, [](double x) { return x; }},
    {"Karras's",
     [](double x) { return std::pow(std::max(x, 0.0), 1 / kKarrasRho); },
     [](double x) { return std::pow(std::max(x, 0.0), kKarrasRho); }},
    {"exponential", [](double x) { return std::log(x); }, [](double x) { return std::exp(x); }},
});

/// Even steps of that kind between the port's own ends; a last 0 stands apart.
void propose_kinds(const Values& port, Proposals& proposals) {
  const size_t zero = port.back() == 0 ? 1 : 0;
  for (const size_t apart : {zero, size_t{0}}) {
    const size_t n = port.size() - apart;
    if (n < 4) {
      continue;
    }
    for (const auto& kind : kKinds) {
      const double first = kind.to(port.front()), last = kind.to(port[n - 1]);
      if (!std::isfinite(first) || !std::isfinite(last)) {
        continue;
      }
      Values out(port.size(), 0.0);
      for (size_t i = 0; i < n; ++i) {
        out[i] =
            kind.from(first + (last - first) * static_cast<double>(i) / static_cast<double>(n - 1));
      }
      add(proposals,
          "scheduler.sigmas",
          out,
          fmt::format("{} from {:.6g} to {:.6g}", kind.name, port.front(), port[n - 1]));
    }
  }
}

/// Even steps from `first` to `last`, shifted: what flow matching schedules are.
Values flow_schedule(double first, double last, double shift, size_t n) {
  Values out;
  for (size_t i = 0; i < n; ++i) {
    const double even =
        first + (last - first) * static_cast<double>(i) / static_cast<double>(n - 1);
    out.push_back(shifted(even, shift));
  }
  return out;
}

double distance(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  }
  return sum;
}

/// The shift of the flow schedule between the port's ends that is nearest to it.
double nearest_shift(const Values& sigmas) {
  const auto left = [&](double log_shift) {
    const double shift = std::exp(log_shift);
    return distance(
        flow_schedule(
            shifted(sigmas.front(), 1 / shift),
            shifted(sigmas.back(), 1 / shift),
            shift,
            sigmas.size()),
        sigmas);
  };
  double low = -4, high = 4;
  for (int i = 0; i < 100; ++i) {
    const double a = low + (high - low) / 3, b = high - (high - low) / 3;
    (left(a) < left(b) ? high : low) = left(a) < left(b) ? b : a;
  }
  return std::exp((low + high) / 2);
}

void propose_flow(const Values& port, double unit, Proposals& proposals) {
  Values sigmas = port;
  const bool has_zero = sigmas.back() == 0;
  if (has_zero) {
    sigmas.pop_back();
  }
  for (double& sigma : sigmas) {
    sigma /= unit;
  }
  const bool is_flow = std::all_of(
      sigmas.begin(), sigmas.end(), [](double sigma) { return sigma > 0 && sigma <= 1; });
  if (sigmas.size() < 5 || !is_flow) {
    return;
  }
  const double shift = nearest_shift(sigmas);
  const double first = shifted(sigmas.front(), 1 / shift), last = shifted(sigmas.back(), 1 / shift);
  Values out = flow_schedule(first, last, shift, sigmas.size());
  if (has_zero) {
    out.push_back(0);
  }
  for (double& sigma : out) {
    sigma *= unit;
  }
  add(proposals,
      "scheduler.sigmas",
      out,
      fmt::format("linspace({:.6g}, {:.6g}) shifted by {:.6g}", first, last, shift));
}

/// What only one side has at an end.
void propose_ends(const Values& ref, const Values& port, Proposals& proposals) {
  Values out = ref;
  if (port.size() == ref.size() + 1) {
    out.push_back(0);
    add(proposals, "scheduler.sigmas", out, "a last 0 that the reference does not have");
    out.pop_back();
    out.insert(out.begin(), port.front());
    add(proposals, "scheduler.sigmas", out, "one more in front than the reference has");
  } else if (port.size() + 1 == ref.size()) {
    out.pop_back();
    add(proposals, "scheduler.sigmas", out, "the last one is missing");
    add(proposals, "scheduler.sigmas", {ref.begin() + 1, ref.end()}, "the first one is missing");
  } else if (port.size() == ref.size() && port.size() >= kFewest) {
    out.back() = port.back();
    add(proposals, "scheduler.sigmas", out, "another last one");
    out = ref;
    out.front() = port.front();
    add(proposals, "scheduler.sigmas", out, "another first one");
  }
}

/// The same schedule, elsewhere: one later, one earlier, backwards.
void propose_moved(const Values& ref, const Values& port, Proposals& proposals) {
  if (port.size() != ref.size() || ref.size() < kFewest) {
    return;
  }
  Values later(ref.begin() + 1, ref.end()), earlier(ref.begin(), ref.end() - 1);
  later.push_back(port.back());
  earlier.insert(earlier.begin(), port.front());
  add(proposals, "scheduler.offset", later, "each is the reference's next");
  add(proposals, "scheduler.offset", earlier, "each is the reference's one before");
  add(proposals, "scheduler.sigmas", {ref.rbegin(), ref.rend()}, "backwards", "flip 0");
  if (ref.back() == 0) {
    Values but_last(ref.rbegin() + 1, ref.rend());
    but_last.push_back(0);
    add(proposals, "scheduler.sigmas", but_last, "backwards, with 0 last");
  }
}

/// All falls, or all rises.
bool is_schedule(const Values& values) {
  const auto falls = std::adjacent_find(values.begin(), values.end(), std::less<>());
  const auto rises = std::adjacent_find(values.begin(), values.end(), std::greater<>());
  return values.size() >= kFewest && values.front() != values.back() &&
         (falls == values.end() || rises == values.end());
}

bool is_alike_in_size(const Values& ref, const Values& port) {
  const double a = *std::max_element(ref.begin(), ref.end());
  const double b = *std::max_element(port.begin(), port.end());
  return a > 0 && b > 0 && a < 3 * b && b < 3 * a;
}

} // namespace

void propose_sigmas(const Case& at, Proposals& proposals) {
  const LoopRole role = loop_name_of(at.name()).role;
  if ((role != LoopRole::sigmas && role != LoopRole::timesteps) || at.ref.rank() != 1 ||
      at.port.rank() != 1 || std::max(at.ref.count(), at.port.count()) > kMostSteps) {
    return;
  }
  const Values &ref = at.ref.values, &port = at.port.values;
  const double unit = role == LoopRole::timesteps ? 1000 : 1;
  propose_ends(ref, port, proposals);
  propose_moved(ref, port, proposals);
  if (ref.size() == port.size()) {
    propose_shift(ref, port, unit, proposals);
  }
  if (is_schedule(ref) && is_schedule(port) && is_alike_in_size(ref, port)) {
    propose_kinds(port, proposals);
    propose_flow(port, unit, proposals);
    proposals.state(
        {"scheduler.sigmas", "both sides hold a schedule, of no kind that is known here", 0.5});
  }
}

/// Of what the model is handed at one step: another step's.
void propose_other_timestep(const Case& at, Proposals& proposals) {
  const LoopName own = loop_name_of(at.name());
  if (own.role != LoopRole::timestep || !own.step || !at.same_shape) {
    return;
  }
  const LoopRows loop(at.scene);
  for (const size_t row : loop.all(LoopRole::timestep)) {
    const auto other = at.scene.pair(row);
    if (row == at.row || !other || other->ref.count() != at.ref.count() ||
        loop.of(row).step == own.step) {
      continue;
    }
    proposals.add(
        {"scheduler.offset",
         [other, &at, row](const Half&) {
           return Prediction{
               reshaped(other->ref, at.port.shape),
               "",
               fmt::format("the timestep is {}", at.scene.rows()[row].ref->text)};
         },
         false});
  }
}

} // namespace mflux::parity
