#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/metrics/metrics.h"

namespace mflux::parity {

struct InspectedTensor {
  std::string name;
  artifacts::Dtype dtype{};
  artifacts::Shape shape;
  Summary summary;
  std::vector<double> first; ///< values
};

struct InspectedFile {
  std::filesystem::path path;
  std::vector<InspectedTensor> tensors;
  std::vector<std::string> remarks; ///< of a folder: what was skipped, and why
};

/// Reads every tensor of a file, or every checkpoint of a dump folder. Throws Error.
InspectedFile inspect(const std::filesystem::path& path, int threads);

std::string format_inspection(const InspectedFile& file, bool coloured);

/// One JSON object for all files; what is not finite is null.
std::string to_json(const std::vector<InspectedFile>& files);

} // namespace mflux::parity
