#include "fuzz/targets.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "mflux/artifacts/tensor.h"
#include "mflux/base/error.h"

namespace mflux::fuzz {
namespace {

constexpr size_t kLongestLine = 4096;

bool is_ours(const std::exception& error) {
  if (!dynamic_cast<const Error*>(&error)) {
    return false;
  }
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return is_ours(cause);
  }
  return true;
}

} // namespace

void run(const Target& target, artifacts::Bytes input) {
  try {
    target(input);
  } catch (const std::exception& error) {
    const std::string line = one_line(error);
    if (!is_ours(error) || line.empty() || line.size() > kLongestLine) {
      std::fprintf(stderr, "not an answer: %s\n", line.c_str());
      std::abort();
    }
  }
}

void read_all(const artifacts::Artifact& artifact) {
  for (size_t i = 0; i < artifact.tensors().size(); ++i) {
    const artifacts::Tensor tensor = artifact.load(i);
    if (tensor.count() > 0) {
      value_at(tensor, 0);
      value_at(tensor, tensor.count() - 1);
    }
    if (tensor.count() < 1 << 20) {
      tensor.contiguous();
    }
  }
}

MemoryFile::MemoryFile(artifacts::Bytes content) : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
  const auto size = static_cast<ssize_t>(content.size());
  if (descriptor_ < 0 || write(descriptor_, content.data(), content.size()) != size) {
    throw std::runtime_error("no file in memory");
  }
}

MemoryFile::~MemoryFile() {
  close(descriptor_);
}

std::string MemoryFile::path() const {
  return fmt::format("/proc/self/fd/{}", descriptor_);
}

} // namespace mflux::fuzz
