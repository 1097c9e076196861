#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mflux/capture/inputs.h"
#include "mflux/capture/taps.h"
#include "mflux/image/pixels.h"
#include "mflux/weights/check.h"

namespace mflux::models {

/// One component of a port to be run by itself, on tensors of a dump.
struct PortRequest {
  std::filesystem::path model;             ///< folder in diffusers' layout, or the component's own
  const capture::Inputs* inputs = nullptr; ///< null when the component starts from pixels
  std::optional<Image> image{};            ///< those pixels
  bool wants_picture = false;              ///< the result is to be written as an image
  mx::Dtype dtype = mx::float32;           ///< of weights and between operations
  capture::Observer* observer = nullptr;
};

/// Arrays are lazy: evaluating them is the run.
struct PortResult {
  /// In the reference's names and axes.
  std::vector<std::pair<std::string, mx::array>> outputs;
  /// [1, height, width, 3] in [0, 1], of components that give an image.
  std::optional<mx::array> picture;
};

struct Component {
  std::string_view name;   ///< "vae.decode"
  std::string_view inputs; ///< for people: what it reads from a dump
  bool starts_from_pixels = false, gives_picture = false;
  PortResult (*run)(const PortRequest&);
};

/// A subfolder of a model that holds weights.
struct WeightsComponent {
  std::string_view name; ///< the subfolder
  /// What the port asks of the weights in that folder, by its config.json; with an empty path: of
  /// the published model's. Throws Error.
  Declared (*declare)(const std::filesystem::path& folder);
};

/// What `mflux port run` and `mflux weights check` know of one model family.
struct Port {
  std::string_view name;
  std::vector<Component> components;
  std::vector<WeightsComponent> weights{};
};

} // namespace mflux::models
