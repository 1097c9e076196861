#include "mflux/parity/lock/thin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

/// What a tensor takes in a file's header and in the manifest, about.
constexpr uint64_t kOverhead = 512;

constexpr uint64_t kLeastCrop = 256; ///< bytes that still say something

uint64_t bytes_of(const Row& row) {
  return artifacts::byte_count(row.ref->dtype, row.ref->shape);
}

Kept kept(const Row& row, uint64_t limit) {
  Kept out{&row, {}, bytes_of(row)};
  if (out.bytes > limit && !is_fed(row.ref->name)) {
    const uint64_t size = size_of(row.ref->dtype);
    out.crop =
        centre_slice(row.ref->shape, static_cast<int64_t>(std::max<uint64_t>(limit / size, 1)));
    out.bytes = size;
    for (const auto& range : *out.crop) {
      out.bytes *= static_cast<uint64_t>(range.second - range.first);
    }
  }
  return out;
}

void refuse_large_inputs(const std::vector<const Row*>& rows, uint64_t most) {
  for (const Row* row : rows) {
    if (is_fed(row->ref->name) && bytes_of(*row) + kOverhead > most) {
      throw Error(fmt::format(
          "{} takes {} bytes and must stay whole, since a component is run on it: expected at most "
          "{} (--max-bytes), or leave it out by --only",
          row->ref->text,
          bytes_of(*row),
          most));
    }
  }
}

} // namespace

artifacts::Ranges centre_slice(const artifacts::Shape& shape, int64_t elements) {
  artifacts::Shape sizes = shape;
  while (artifacts::element_count(sizes) > elements) {
    const auto longest = std::max_element(sizes.rbegin(), sizes.rend());
    *longest = (*longest + 1) / 2;
  }
  artifacts::Ranges ranges;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t begin = (shape[axis] - sizes[axis]) / 2;
    ranges.emplace_back(begin, begin + sizes[axis]);
  }
  return ranges;
}

bool is_fed(const Name& name) {
  constexpr std::array<std::string_view, 3> kPipeline = {
      "input_ids", "attention_mask", "latents_initial"};
  if (name.role == Role::in) {
    return modules_of(name).size() == 1;
  }
  return std::find(kPipeline.begin(), kPipeline.end(), name.path) != kPipeline.end();
}

std::vector<Kept> thinned(
    const std::vector<const Row*>& rows, uint64_t max_bytes, uint64_t max_total) {
  refuse_large_inputs(rows, max_bytes);
  const uint64_t most = max_bytes > 2 * kOverhead ? max_bytes - kOverhead : kOverhead;
  for (uint64_t limit = most; limit >= kLeastCrop; limit /= 2) {
    std::vector<Kept> out;
    uint64_t total = 0;
    for (const Row* row : rows) {
      out.push_back(kept(*row, limit));
      total += out.back().bytes + kOverhead;
    }
    if (total <= max_total) {
      return out;
    }
  }
  throw Error(fmt::format(
      "{} checkpoints and the inputs that must stay whole do not fit {} bytes: pick fewer by "
      "--only, "
      "or allow more by --max-total",
      rows.size(),
      max_total));
}

} // namespace mflux::parity
