#include "mflux/weights/device_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/weights/fill.h"
#include "mlx/io/load.h"

namespace mflux {
namespace {

/// The format's name of a type, which MLX keeps to itself.
const char* name_in_file(mx::Dtype dtype) {
  constexpr std::array<std::pair<mx::Dtype::Val, const char*>, 13> kNames{{
      {mx::Dtype::Val::bool_, "BOOL"},
      {mx::Dtype::Val::uint8, "U8"},
      {mx::Dtype::Val::int8, "I8"},
      {mx::Dtype::Val::uint16, "U16"},
      {mx::Dtype::Val::int16, "I16"},
      {mx::Dtype::Val::uint32, "U32"},
      {mx::Dtype::Val::int32, "I32"},
      {mx::Dtype::Val::uint64, "U64"},
      {mx::Dtype::Val::int64, "I64"},
      {mx::Dtype::Val::float16, "F16"},
      {mx::Dtype::Val::bfloat16, "BF16"},
      {mx::Dtype::Val::float32, "F32"},
      {mx::Dtype::Val::complex64, "C64"},
  }};
  const auto found = std::find_if(
      kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == dtype.val(); });
  if (found == kNames.end()) {
    throw Error("float64, which a GPU has not, is no type of weights");
  }
  return found->second;
}

/// Looks to MLX like a safetensors file of one tensor, "tensor", whose elements are fetched when
/// they are asked for.
class OneTensorFile : public mx::io::Reader {
 public:
  OneTensorFile(const mx::Shape& shape, mx::Dtype dtype, std::function<artifacts::Tensor()> read)
      : dtype_(dtype), read_(std::move(read)) {
    bytes_ = mx::size_of(dtype);
    for (const int extent : shape) {
      bytes_ *= static_cast<size_t>(extent);
    }
    const auto json = fmt::format(
        R"({{"tensor": {{"dtype": "{}", "shape": [{}], "data_offsets": [0, {}]}}}})",
        name_in_file(dtype),
        fmt::join(shape.begin(), shape.end(), ", "),
        bytes_);
    const uint64_t length = json.size();
    header_.assign(reinterpret_cast<const char*>(&length), sizeof length);
    header_ += json;
  }

  bool is_open() const override {
    return true;
  }
  bool good() const override {
    return true;
  }
  size_t tell() override {
    return at_;
  }
  void seek(int64_t offset, std::ios_base::seekdir way) override {
    const size_t from = way == std::ios_base::beg   ? 0
                        : way == std::ios_base::cur ? at_
                                                    : header_.size() + bytes_;
    at_ = from + static_cast<size_t>(offset);
  }
  void read(char* data, size_t n) override {
    read(data, n, at_);
    at_ += n;
  }
  /// Of the header, or all of the elements.
  void read(char* data, size_t n, size_t offset) override {
    if (offset + n <= header_.size()) {
      std::memcpy(data, header_.data() + offset, n);
      return;
    }
    const auto tensor = read_().contiguous();
    const size_t bytes =
        tensor.data().size() / artifacts::size_of(tensor.dtype) * mx::size_of(dtype_);
    if (offset != header_.size() || n != bytes_ || bytes != bytes_) {
      throw Error(fmt::format("{} bytes of a weight are asked for, {} are there", n, bytes));
    }
    fill(tensor, dtype_, reinterpret_cast<std::byte*>(data));
  }
  std::string label() const override {
    return "a weight";
  }

 private:
  mx::Dtype dtype_;
  std::function<artifacts::Tensor()> read_;
  size_t bytes_ = 0, at_ = 0;
  std::string header_;
};

} // namespace

mx::array device_array(
    const mx::Shape& shape, mx::Dtype dtype, std::function<artifacts::Tensor()> read) {
  return mx::load_safetensors(std::make_shared<OneTensorFile>(shape, dtype, std::move(read)))
      .first.at("tensor");
}

} // namespace mflux
