#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mflux::ports {

/// How fast and how large a component must become: a figure that a benchmark or test records.
struct Targets {
  std::optional<double> milliseconds; ///< of one call as `speed_of` describes it
  std::string speed_of;               ///< "one step of 1024 x 1024 on an H200"
  std::optional<double> peak_ratio;   ///< most that memory may be, of what the plan estimates
};

/// A [[component]] of port.toml.
struct ComponentFile {
  std::string name;                     ///< "vae"
  std::string reference;                ///< "diffusers.AutoencoderKLFlux2"
  std::string config;                   ///< of the checkpoint, "vae/config.json"
  std::vector<std::string> code;        ///< where the rest is found from, by includes
  std::vector<std::string> checkpoints; ///< globs: what a dump of it holds
  std::vector<std::string> tests;       ///< globs of ctest's names: what measures it
  std::string parity;                   ///< the target, for people
  double tolerance = 0;                 ///< most that rel_l2 may be in a committed dump
  Targets targets;
};

/// mflux/models/FAMILY/port.toml: what a port is, and what it is to become.
struct PortFile {
  std::filesystem::path folder;          ///< mflux/models/FAMILY, relative to the checkout
  std::string name;                      ///< as `mflux port run` calls it
  std::string reference;                 ///< "diffusers.Flux2KleinPipeline"
  std::string version;                   ///< of the reference, "diffusers 0.42.1"
  std::vector<ComponentFile> components; ///< in porting order
};

/// Throws Error with the file, the line, what was seen and what was expected.
PortFile read_port_file(const std::filesystem::path& checkout, const std::filesystem::path& folder);

/// Every mflux/models/*/port.toml, by the names of the folders. Throws Error.
std::vector<PortFile> read_port_files(const std::filesystem::path& checkout);

} // namespace mflux::ports
