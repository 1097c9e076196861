#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mflux/parity/diagnose/field.h"
#include "mflux/parity/diagnose/scene.h"

namespace mflux::parity {

/// One checkpoint that went wrong, and what the dumps hold around it. `ref` is what the port is to
/// be explained from: the reference's tensor, or that tensor with a first cause applied when a
/// second one is looked for.
struct Case {
  Case(const Scene& scene, size_t row, std::shared_ptr<const FieldPair> pair);

  const Scene& scene;
  size_t row;
  const Field& ref;
  const Field& port;      ///< may have another shape, or another count
  bool same_shape = true; ///< of ref and port
  bool is_first = true;   ///< false: a first cause was applied to `ref` already

  const Row& at() const {
    return scene.rows()[row];
  }

  const Name& name() const {
    return at().ref->name;
  }

  /// The module's path, which weights are named by: "transformer.blocks.0.attn".
  const std::string& module() const {
    return name().path;
  }

  /// The reference's class of the module, "RMSNorm"; empty when no manifest says it.
  const std::string& module_class() const {
    return at().ref->module_class;
  }

  /// ‖port − ref‖ / ‖ref‖; infinite when their shapes differ.
  double before() const;

  /// What rounding alone explains here, relative.
  double floor() const {
    return noise_floor(at());
  }

  /// Of the module that this is an output of, its own dumped inputs: argument ("" for NAME.in) and
  /// row. Of an input, nothing.
  std::vector<std::pair<std::string, size_t>> inputs() const;

  /// The one tensor that the module's main input is: NAME.in, or the argument called x, input,
  /// hidden_states, sample, …; null when it was not dumped or the port lacks it.
  std::shared_ptr<const FieldPair> input() const;

  /// Both sides of another checkpoint of the same step and call: the same module's ".in.scale", or
  /// any path. Null when it was not dumped.
  std::shared_ptr<const FieldPair> sibling(const std::string& name) const;

  /// A parameter of this module, "weight" or "to_q.weight".
  std::shared_ptr<const Field> weight(Side side, const std::string& parameter) const;

  /// The same checkpoint with a first cause applied to the reference: a field of as many elements
  /// as the port has.
  Case after(Field explained) const;

 private:
  std::shared_ptr<const FieldPair> owned_;
};

/// ‖field − port‖ / ‖field‖ where the counts agree, else infinite.
double residual(const Case& at, const Field& field);

} // namespace mflux::parity
