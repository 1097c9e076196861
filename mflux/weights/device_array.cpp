#include "mflux/weights/device_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <memory>
#include <string>

#include "mflux/artifacts/safetensors.h"
#include "mflux/base/error.h"
#include "mflux/weights/fill.h"
#include "mflux/weights/lazy_array.h"
#include "mlx/io/load.h"

namespace mflux {
namespace {

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
        artifacts::safetensors_name(tensor_dtype(dtype)),
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
  if (dtype == mx::float64) {
    throw Error("float64, which a GPU has not, is no type of weights");
  }
  return mx::load_safetensors(std::make_shared<OneTensorFile>(shape, dtype, std::move(read)))
      .first.at("tensor");
}

} // namespace mflux
