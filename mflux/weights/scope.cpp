#include "mflux/weights/scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/base/nearest.h"

namespace mflux {
namespace {

/// A whole other checkpoint has hundreds of problems; this many are enough to see it.
constexpr size_t kMostProblems = 20;

std::string shown(const mx::Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

bool matches_any(const std::string& name, const std::vector<std::string>& globs) {
  return std::any_of(
      globs.begin(), globs.end(), [&](const auto& glob) { return glob_match(glob, name); });
}

std::string hint(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? "" : fmt::format(" (did {} take its place?)", near);
}

} // namespace

struct Scope::Session {
  Weights remaining;
  Schema asked;
  std::vector<std::string> missing;
  std::vector<std::string> problems; ///< all others
  mx::array zero = mx::array(0.0f);  ///< what stands in for a missing tensor, broadcast
};

Scope::Scope(
    std::shared_ptr<Session> session, std::shared_ptr<capture::Taps> taps, std::string path)
    : session_(std::move(session)), taps_(std::move(taps)), path_(std::move(path)) {}

Scope Scope::operator/(std::string_view child) const {
  return {session_, taps_, path_.empty() ? std::string(child) : fmt::format("{}.{}", path_, child)};
}

mx::array Scope::take(std::string_view leaf, const mx::Shape& shape) const {
  const std::string name = (*this / leaf).path_;
  const bool is_new = session_->asked.emplace(name, shape).second;
  auto found = session_->remaining.extract(name);
  if (!is_new) {
    session_->problems.push_back(fmt::format("used twice: {}", name));
  } else if (found.empty()) {
    session_->missing.push_back(name);
  } else if (found.mapped().shape() != shape) {
    session_->problems.push_back(fmt::format(
        "wrong shape: {} is {}, expected {}", name, shown(found.mapped().shape()), shown(shape)));
  } else if (!mx::issubdtype(found.mapped().dtype(), mx::floating)) {
    session_->problems.push_back(
        fmt::format("wrong type: {} holds no floating-point numbers", name));
  } else {
    return std::move(found.mapped());
  }
  return mx::broadcast_to(session_->zero, shape);
}

Loader::Loader(Weights weights, std::shared_ptr<capture::Taps> taps)
    : session_(std::make_shared<Scope::Session>()), taps_(std::move(taps)) {
  session_->remaining = std::move(weights);
}

Scope Loader::root() const {
  return {session_, taps_, ""};
}

const Schema& Loader::asked() const {
  return session_->asked;
}

void Loader::finish(const std::vector<std::string>& unused_by_design) const {
  std::vector<std::string> unused;
  for (const auto& [name, tensor] : session_->remaining) {
    if (!matches_any(name, unused_by_design)) {
      unused.push_back(name);
    }
  }
  session_->remaining.clear();

  const auto& missing = session_->missing;
  const size_t count = session_->problems.size() + missing.size() + unused.size();
  if (count == 0) {
    return;
  }
  std::vector<std::string> listed = session_->problems;
  for (size_t i = 0; i < missing.size() && listed.size() < kMostProblems; ++i) {
    listed.push_back(fmt::format("missing: {}{}", missing[i], hint(missing[i], unused)));
  }
  for (size_t i = 0; i < unused.size() && listed.size() < kMostProblems; ++i) {
    listed.push_back(fmt::format("unused: {}", unused[i]));
  }
  listed.resize(std::min(listed.size(), kMostProblems));
  if (count > listed.size()) {
    listed.push_back(fmt::format("and {} more", count - listed.size()));
  }
  throw Error(fmt::format(
      "{} problem{} with the weights: {}", count, count == 1 ? "" : "s", fmt::join(listed, "; ")));
}

} // namespace mflux
