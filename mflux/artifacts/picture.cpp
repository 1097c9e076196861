#include "mflux/artifacts/picture.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "mflux/artifacts/bytes.h"
#include "mflux/base/error.h"
#include "mflux/image/decoded.h"

namespace mflux::artifacts {
namespace {

const std::string kName = "the file";

class PictureFile : public Artifact {
 public:
  PictureFile(const std::filesystem::path& path, std::shared_ptr<const Storage> storage)
      : storage_(std::move(storage)), is_jpeg_(looks_like_jpeg(text())) {
    if (!is_jpeg_ && !looks_like_png(text())) {
      throw Error("the file is no PNG or JPEG, whose name it has");
    }
    const auto shape = is_jpeg_ ? jpeg_samples(text(), kName) : png_samples(text(), kName);
    tensors_.push_back(
        {path.filename().string(),
         shape.bits == 16 ? Dtype::uint16 : Dtype::uint8,
         {shape.height, shape.width, shape.channels}});
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t) const override {
    const auto& info = tensors_.front();
    if (!is_jpeg_) {
      return make_tensor(info.dtype, info.shape, decode_png_samples(text(), kName));
    }
    const auto rgb = decode_jpeg(text(), kName).image.rgb;
    const auto* first = reinterpret_cast<const std::byte*>(rgb.data());
    return make_tensor(info.dtype, info.shape, {first, first + rgb.size()});
  }

  bool is_ordered() const override {
    return false;
  }

  PictureKind picture() const override {
    return is_jpeg_ ? PictureKind::lossy : PictureKind::exact;
  }

 private:
  std::string_view text() const {
    return as_text(storage_->bytes());
  }

  std::shared_ptr<const Storage> storage_;
  bool is_jpeg_;
  std::vector<TensorInfo> tensors_;
};

} // namespace

bool has_picture_name(std::string_view file) {
  const auto dot = file.rfind('.');
  std::string extension(file.substr(dot == std::string_view::npos ? file.size() : dot));
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::unique_ptr<Artifact> open_picture(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage) {
  return std::make_unique<PictureFile>(path, std::move(storage));
}

} // namespace mflux::artifacts
