#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// Which of the port's elements a hypothesis may look at while it is fitted: those of one half,
/// picked at random but always alike. What is fitted on one half is scored on the other.
class Half {
 public:
  static Half all() {
    return Half(2);
  }

  static Half first() {
    return Half(0);
  }

  static Half second() {
    return Half(1);
  }

  /// Of the port's element `i`, counted in C order.
  bool holds(int64_t i) const {
    return which_ == 2 || bit(i) == which_;
  }

 private:
  explicit Half(int which) : which_(which) {}

  static int bit(int64_t i) {
    uint64_t mixed = static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 29;
    mixed *= 0xbf58476d1ce4e5b9u;
    return static_cast<int>(mixed >> 63);
  }

  int which_;
};

/// What the port would hold if a cause were true.
struct Prediction {
  Field field; ///< as many elements as the port has
  std::string
      transform;      ///< as `parity try` takes it, on the port's side: it undoes the bug; else ""
  std::string detail; ///< what was found, in words: "scale 0.125 = 1/√64", "head 3 is head 1"

  /// Where the proof is not the checkpoint itself but what it was computed with, a weight: how far
  /// that is off, and how far once the cause is applied. `field` is then the port's own.
  struct Elsewhere {
    double before = 0, after = 0;
  };

  std::optional<Elsewhere> elsewhere = std::nullopt;
};

/// A cause that may explain a checkpoint, to be applied and scored.
struct Hypothesis {
  std::string id; ///< of the catalogue

  /// Fits what it has to fit on the elements that `fit` holds, and predicts all of them; nothing
  /// when it turns out not to apply. Called once with Half::all() when nothing is fitted.
  std::function<std::optional<Prediction>(const Half& fit)> predict;

  bool is_fitted = false; ///< it looks at the port's values
};

/// A cause that the numbers of both sides prove by themselves, where nothing can be predicted:
/// other random numbers, another schedule, a narrower type inside a module. Counts only when no
/// hypothesis holds.
struct Statement {
  std::string id;
  std::string detail;
  double confidence = 0; ///< of 1
};

/// What the families of causes put forward for one checkpoint.
class Proposals {
 public:
  void add(Hypothesis hypothesis) {
    hypotheses_.push_back(std::move(hypothesis));
  }

  /// A cause that could not be tried because something was not dumped: "transformer.norm.in".
  void need(std::string id, std::string what) {
    needs_.push_back({std::move(id), std::move(what)});
  }

  void state(Statement statement) {
    statements_.push_back(std::move(statement));
  }

  struct Need {
    std::string id, what;
  };

  const std::vector<Hypothesis>& hypotheses() const {
    return hypotheses_;
  }

  const std::vector<Statement>& statements() const {
    return statements_;
  }

  const std::vector<Need>& needs() const {
    return needs_;
  }

 private:
  std::vector<Hypothesis> hypotheses_;
  std::vector<Statement> statements_;
  std::vector<Need> needs_;
};

} // namespace mflux::parity
