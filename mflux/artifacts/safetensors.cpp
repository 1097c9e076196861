#include "mflux/artifacts/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "mflux/artifacts/json_events.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000; ///< the reference's
constexpr size_t kMaxAxes = 64;
constexpr size_t kLengthSize = 8;

struct NamedDtype {
  std::string_view name;
  Dtype dtype;
};

/// In the reference's order, which its writer sorts by.
constexpr std::array<NamedDtype, 16> kDtypes{{
    {"BOOL", Dtype::boolean},
    {"U8", Dtype::uint8},
    {"I8", Dtype::int8},
    {"F8_E5M2", Dtype::float8_e5m2},
    {"F8_E4M3", Dtype::float8_e4m3},
    {"I16", Dtype::int16},
    {"U16", Dtype::uint16},
    {"F16", Dtype::float16},
    {"BF16", Dtype::bfloat16},
    {"I32", Dtype::int32},
    {"U32", Dtype::uint32},
    {"F32", Dtype::float32},
    {"C64", Dtype::complex64},
    {"F64", Dtype::float64},
    {"I64", Dtype::int64},
    {"U64", Dtype::uint64},
}};

Dtype dtype_of(const std::string& name) {
  for (const auto& known : kDtypes) {
    if (known.name == name) {
      return known.dtype;
    }
  }
  throw Error(fmt::format(
      "the dtype is \"{}\", expected BOOL, I8 to U64, F8_E4M3, F8_E5M2, F16, BF16, F32, F64 or C64",
      name));
}

size_t place_of(Dtype dtype) {
  for (size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].dtype == dtype) {
      return i;
    }
  }
  throw Error(fmt::format("safetensors cannot hold {}: write .npy or .npz", name_of(dtype)));
}

struct Entry {
  std::string name;
  std::optional<Dtype> dtype;
  std::optional<Shape> shape;
  std::vector<uint64_t> offsets; ///< begin and end, from the end of the header
};

/// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {…}}
class HeaderReader final : public JsonEvents {
 public:
  std::vector<Entry> entries;
  Metadata metadata;

 private:
  bool in_metadata() const {
    return keys()[0] == "__metadata__";
  }

  void on_begin(bool is_list) override {
    const bool is_field = keys().size() == 2 && is_list && !in_list_ && !in_metadata();
    if (keys().size() == 1 && !is_list) {
      if (!in_metadata()) {
        entries.push_back({keys()[0], {}, {}, {}});
      }
    } else if (is_field && keys()[1] == "shape") {
      entries.back().shape.emplace();
      in_list_ = true;
    } else if (is_field && keys()[1] == "data_offsets") {
      in_list_ = true;
    } else {
      unexpected();
    }
  }

  void on_end(bool is_list) override {
    in_list_ = false;
    if (!is_list && !in_metadata()) {
      const auto& entry = entries.back();
      if (!entry.dtype || !entry.shape || entry.offsets.size() != 2) {
        fail("the fields \"dtype\", \"shape\" and \"data_offsets\" [begin, end]");
      }
    }
  }

  void on_string(std::string value) override {
    if (keys().size() == 2 && in_metadata()) {
      metadata.emplace(keys()[1], std::move(value));
    } else if (keys().size() == 2 && keys()[1] == "dtype") {
      entries.back().dtype = with_context(keys()[0], [&] { return dtype_of(value); });
    } else {
      unexpected();
    }
  }

  void on_number(uint64_t value) override {
    if (!in_list_) {
      unexpected();
    }
    auto& entry = entries.back();
    if (keys()[1] == "data_offsets") {
      entry.offsets.push_back(value);
      if (entry.offsets.size() > 2) {
        fail("two numbers, begin and end");
      }
      return;
    }
    if (value > INT64_MAX || entry.shape->size() == kMaxAxes) {
      fail(fmt::format("at most {} extents below 2^63", kMaxAxes));
    }
    entry.shape->push_back(static_cast<int64_t>(value));
  }

  void on_other() override {
    unexpected();
  }

  [[noreturn]] void unexpected() const {
    fail(
        in_metadata() ? "an object of strings"
                      : "an object with \"dtype\" (a string), \"shape\" and \"data_offsets\" "
                        "(whole numbers) and nothing else");
  }

  bool in_list_ = false;
};

class SafetensorsFile final : public Artifact {
 public:
  SafetensorsFile(
      std::vector<Entry> entries,
      Metadata metadata,
      size_t data_begin,
      std::shared_ptr<const Storage> storage)
      : metadata_(std::move(metadata)), storage_(std::move(storage)) {
    for (auto& entry : entries) {
      tensors_.push_back({std::move(entry.name), *entry.dtype, std::move(*entry.shape)});
      offsets_.push_back(data_begin + entry.offsets[0]);
    }
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t index) const override {
    const auto& info = tensors_.at(index);
    return {
        info.dtype,
        info.shape,
        c_strides(info.dtype, info.shape),
        false,
        offsets_[index],
        storage_};
  }

  bool is_ordered() const override {
    return false; // the reference's writer sorts
  }

  const Metadata& metadata() const override {
    return metadata_;
  }

 private:
  std::vector<TensorInfo> tensors_;
  std::vector<size_t> offsets_; ///< in the file
  Metadata metadata_;
  std::shared_ptr<const Storage> storage_;
};

/// The length of the header, checked against the file.
size_t header_size(Bytes file) {
  if (file.size() < kLengthSize) {
    throw Error(fmt::format(
        "the file has {} bytes, a safetensors file begins with an 8-byte header length",
        file.size()));
  }
  const auto size = load<uint64_t>(file, 0);
  if (size > kMaxHeader) {
    throw Error(fmt::format(
        "the header claims {} bytes, expected at most {}: no safetensors file", size, kMaxHeader));
  }
  if (size > file.size() - kLengthSize) {
    throw Error(fmt::format(
        "the header claims {} bytes, the file has {}: it was cut off", size, file.size()));
  }
  return size;
}

/// Throws unless the tensors cover `data_size` bytes one after another, each as long as its shape.
void check_layout(const std::vector<Entry>& entries, size_t data_size) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return entries[a].offsets < entries[b].offsets;
  });
  uint64_t covered = 0;
  for (const size_t i : order) {
    const auto& entry = entries[i];
    const uint64_t begin = entry.offsets[0], end = entry.offsets[1];
    with_context(entry.name, [&] {
      if (begin != covered || end < begin) {
        throw Error(fmt::format(
            "data_offsets are [{}, {}], expected to begin at {} where the tensor before ends (no "
            "gap, no overlap)",
            begin,
            end,
            covered));
      }
      const size_t need = byte_count(*entry.dtype, *entry.shape);
      if (end - begin != need) {
        throw Error(fmt::format(
            "data_offsets are [{}, {}], {} bytes; {} of shape {} take {}",
            begin,
            end,
            end - begin,
            name_of(*entry.dtype),
            to_string(*entry.shape),
            need));
      }
      c_strides(*entry.dtype, *entry.shape);
    });
    covered = end;
  }
  if (covered != data_size) {
    throw Error(fmt::format(
        "the header describes {} bytes of data, the file holds {}{}",
        covered,
        data_size,
        data_size < covered ? ": it was cut off" : ""));
  }
}

} // namespace

bool looks_like_safetensors(Bytes file) {
  return file.size() > kLengthSize && load<uint64_t>(file, 0) <= kMaxHeader &&
         file[kLengthSize] == std::byte{'{'};
}

std::unique_ptr<Artifact> open_safetensors(std::shared_ptr<const Storage> storage) {
  const Bytes file = storage->bytes();
  const std::string_view text = as_text(file.subspan(kLengthSize, header_size(file)));
  HeaderReader header;
  header.parse(text);
  if (!text.starts_with('{')) { // a byte order mark, which the parser passes over
    throw Error("the header does not begin with {");
  }
  check_layout(header.entries, file.size() - kLengthSize - text.size());
  return std::make_unique<SafetensorsFile>(
      std::move(header.entries),
      std::move(header.metadata),
      kLengthSize + text.size(),
      std::move(storage));
}

std::string_view safetensors_name(Dtype dtype) {
  return kDtypes[place_of(dtype)].name;
}

int safetensors_rank(Dtype dtype) {
  return static_cast<int>(place_of(dtype));
}

} // namespace mflux::artifacts
