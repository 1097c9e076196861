#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mflux/parity/compare.h"
#include "mflux/parity/diagnose/field.h"
#include "mflux/parity/side.h"
#include "mflux/parity/sources.h"

namespace mflux::parity {

/// Both sides of one checkpoint, cut to what both dumps hold. Elements that are not finite on both
/// sides alike are 0 in both.
struct FieldPair {
  Field ref, port;
  bool finite = true; ///< false: a NaN or Inf stands on one side only
};

/// All that two dumps hold, read when asked for: where causes look for what a checkpoint was
/// computed from, for other steps and for weights. The comparison must outlive it.
class Scene {
 public:
  explicit Scene(const Comparison& comparison);

  const Comparison& comparison() const {
    return comparison_;
  }

  const std::vector<Row>& rows() const {
    return comparison_.rows;
  }

  const Sources& sources() const {
    return sources_;
  }

  /// The row of that canonical name ("transformer.blocks.0.attn.in.x@step=2"); nothing when the
  /// reference has no such checkpoint.
  std::optional<size_t> find(const std::string& name) const;

  /// Both tensors of a row; null when the port lacks it, it is larger than kMostElements, or it
  /// cannot be cut alike. Shared: recent ones are kept.
  std::shared_ptr<const FieldPair> pair(size_t row) const;

  /// A parameter that a side dumped under weights/; null when it did not. `name` is the module's
  /// checkpoint path and the parameter: "transformer.blocks.0.attn.to_q.weight". The component in
  /// front, or "model." behind it, may be missing in the dump.
  std::shared_ptr<const Field> weight(Side side, const std::string& name) const;

  /// Larger tensors are not diagnosed.
  static constexpr int64_t kMostElements = int64_t{1} << 25;

 private:
  std::shared_ptr<const FieldPair> read(const Row& row) const;

  const Comparison& comparison_;
  Sources sources_;
  std::unordered_map<std::string, size_t> by_name_;
  mutable std::unordered_map<size_t, std::shared_ptr<const FieldPair>> recent_;
  mutable size_t recent_bytes_ = 0;
};

} // namespace mflux::parity
