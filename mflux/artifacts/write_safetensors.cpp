#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "mflux/artifacts/chunks.h"
#include "mflux/artifacts/names.h"
#include "mflux/artifacts/safetensors.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::artifacts {
namespace {

std::vector<const NamedTensor*> sorted(const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> out;
  for (const auto& named : tensors) {
    if (named.name == "__metadata__") {
      throw Error("no tensor may be named __metadata__ in safetensors");
    }
    out.push_back(&named);
  }
  const auto key = [](const NamedTensor* named) {
    return std::tuple(-safetensors_rank(named->tensor.dtype), std::string_view(named->name));
  };
  std::sort(out.begin(), out.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  return out;
}

std::string quoted(const std::string& text) {
  return Json(text).dump();
}

std::string header(const std::vector<const NamedTensor*>& tensors, const Metadata& metadata) {
  std::string out = "{";
  if (!metadata.empty()) {
    out += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      out += fmt::format("{}:{},", quoted(key), quoted(value));
    }
    out.back() = '}';
    out += ',';
  }
  size_t offset = 0;
  for (const auto* named : tensors) {
    const auto& tensor = named->tensor;
    const size_t end = offset + tensor.byte_count();
    out += fmt::format(
        "{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
        quoted(named->name),
        safetensors_name(tensor.dtype),
        fmt::join(tensor.shape, ","),
        offset,
        end);
    offset = end;
  }
  if (out.back() == ',') {
    out.back() = '}';
  } else {
    out += '}';
  }
  out.append((8 - out.size() % 8) % 8, ' ');
  return out;
}

} // namespace

void write_safetensors(
    const std::filesystem::path& path,
    const std::vector<NamedTensor>& tensors,
    const Metadata& metadata) {
  const auto order = with_context(path.string(), [&] {
    check_names(tensors);
    return sorted(tensors);
  });
  const std::string text = header(order, metadata);
  std::string length;
  append(length, uint64_t{text.size()});
  AtomicFile file(path);
  file.write(length + text);
  for (const auto* named : order) {
    for_each_chunk(named->tensor, [&](Bytes chunk) { file.write(chunk); });
  }
  file.commit();
}

} // namespace mflux::artifacts
