// artifact_tool dump FILE OUT.bin      prints the tensors of FILE as JSON, writes their bytes to
// OUT.bin artifact_tool copy FILE OUT [deflate]  writes them as .npy, .npz or .safetensors What
// tests/reference/test_artifacts.py compares with NumPy, safetensors and torch. Exit 2 on Error.
#include <cstdio>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::artifacts {
namespace {

std::string dump(const Artifact& artifact, const std::string& out) {
  AtomicFile file(out);
  Json tensors = Json::array();
  for (size_t i = 0; i < artifact.tensors().size(); ++i) {
    const auto& info = artifact.tensors()[i];
    const Tensor tensor = artifact.load(i).contiguous();
    file.write(tensor.data());
    tensors.push_back(
        {{"name", info.name},
         {"dtype", name_of(info.dtype)},
         {"shape", info.shape},
         {"size", tensor.byte_count()}});
  }
  file.commit();
  return Json{
      {"ordered", artifact.is_ordered()}, {"metadata", artifact.metadata()}, {"tensors", tensors}}
      .dump();
}

void copy(const Artifact& artifact, const std::string& out, Compression compression) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < artifact.tensors().size(); ++i) {
    tensors.push_back({artifact.tensors()[i].name, artifact.load(i)});
  }
  if (out.ends_with(".safetensors")) {
    write_safetensors(out, tensors, artifact.metadata());
  } else if (out.ends_with(".npz")) {
    write_npz(out, tensors, compression);
  } else {
    write_npy(out, tensors.at(0).tensor);
  }
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) {
    std::fputs("usage: artifact_tool dump|copy FILE OUT [deflate]\n", stderr);
    return 1;
  }
  const auto artifact = open_artifact(arguments[1]);
  if (arguments[0] == "dump") {
    std::puts(dump(*artifact, arguments[2]).c_str());
  } else {
    copy(
        *artifact,
        arguments[2],
        arguments.size() > 3 ? Compression::deflated : Compression::stored);
  }
  return 0;
}

} // namespace
} // namespace mflux::artifacts

int main(int argc, char** argv) {
  try {
    return mflux::artifacts::run({argv + 1, argv + argc});
  } catch (const mflux::Error& error) {
    std::fprintf(stderr, "%s\n", mflux::one_line(error).c_str());
    return 2;
  }
}
