#include "cli/device.h"

#include <fmt/format.h>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/error.h"
#include "mflux/weights/weights.h"

namespace mflux::cli {
namespace {

std::string checkpoint_dtype(const std::filesystem::path& model) {
  const auto file = weights_file(model / "transformer");
  const auto artifact = artifacts::open_artifact(file);
  if (artifact->tensors().empty()) {
    throw Error(fmt::format("{} holds no tensors", file.string()));
  }
  return std::string(artifacts::name_of(artifact->tensors().front().dtype));
}

} // namespace

void choose_device(const Session& session) {
  if (session.device.empty()) {
    return;
  }
  const mx::Device device = session.device == "gpu" ? mx::Device::gpu : mx::Device::cpu;
  if (!mx::is_available(device)) {
    throw Error(fmt::format("this MLX has no {} backend", session.device));
  }
  mx::set_default_device(device);
}

std::string device_name() {
  return mx::default_device() == mx::Device::gpu ? "gpu" : "cpu";
}

mx::Dtype choose_dtype(const std::string& name, const std::filesystem::path& model) {
  const bool is_told = !name.empty();
  const std::string dtype = is_told                                   ? name
                            : mx::default_device() == mx::Device::cpu ? "float32"
                                                                      : checkpoint_dtype(model);
  if (dtype == "float16") {
    throw Error(fmt::format(
        "{} float16, which is not supported: choose --dtype bfloat16 or float32",
        is_told ? "--dtype is" : "the model's weights are of"));
  }
  return dtype == "bfloat16" ? mx::bfloat16 : mx::float32;
}

std::string name_of(mx::Dtype dtype) {
  return dtype == mx::bfloat16 ? "bfloat16" : "float32";
}

} // namespace mflux::cli
