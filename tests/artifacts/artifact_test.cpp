#include "mflux/artifacts/artifact.h"

#include <algorithm>
#include <cmath>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  static const Json& expected() {
    for (const auto& file : golden_manifest().at("files")) {
      if (file.at("file") == GetParam()) {
        return file;
      }
    }
    throw Error("not in the manifest");
  }
};

/// Manifest values are Python's repr(float).
double number(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}

void expect_same(const Artifact& artifact, size_t index, const Json& expected) {
  SCOPED_TRACE(expected.at("name").get<std::string>());
  const auto& info = artifact.tensors()[index];
  EXPECT_EQ(name_of(info.dtype), expected.at("dtype").get<std::string>());
  EXPECT_EQ(info.shape, expected.at("shape").get<Shape>());
  const Tensor tensor = artifact.load(index);
  EXPECT_EQ(tensor.shape, info.shape);
  EXPECT_EQ(tensor.dtype, info.dtype);
  EXPECT_EQ(bytes_of(tensor), bytes_of_hex(expected.at("hex")));
  const auto& values = expected.at("values");
  ASSERT_EQ(tensor.count(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    const double seen = value_at(tensor, static_cast<int64_t>(i)), right = number(values[i]);
    EXPECT_TRUE(std::isnan(right) ? std::isnan(seen) : seen == right) << i << ": " << seen;
    EXPECT_EQ(std::isnan(right) || std::signbit(seen) == std::signbit(right), true) << i;
  }
}

TEST_P(Golden, ReadsBitForBit) {
  const auto artifact = open_artifact(golden(GetParam()));
  const auto& tensors = expected().at("tensors");
  ASSERT_EQ(artifact->tensors().size(), tensors.size());
  EXPECT_EQ(artifact->is_ordered(), expected().at("ordered").get<bool>());
  EXPECT_EQ(artifact->metadata(), expected().at("metadata").get<Metadata>());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& infos = artifact->tensors();
    const auto found = std::find_if(infos.begin(), infos.end(), [&](const TensorInfo& info) {
      return info.name == tensors[i].at("name").get<std::string>();
    });
    ASSERT_NE(found, infos.end()) << tensors[i].at("name");
    const auto index = static_cast<size_t>(found - infos.begin());
    EXPECT_TRUE(!artifact->is_ordered() || index == i);
    expect_same(*artifact, index, tensors[i]);
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& parameter) {
  std::string name = parameter.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, ::testing::ValuesIn(golden_files()), test_name);

TEST(OpenArtifact, RefusesByName) {
  const auto refused = [](const std::string& file) {
    const auto message = error_of([&] { open_artifact(golden(file)); });
    EXPECT_THAT(message, HasSubstr(file + ": "));
    return message;
  };
  EXPECT_THAT(refused("refused_object.npy"), AllOf(HasSubstr("'|O'"), HasSubstr("pickled")));
  EXPECT_THAT(refused("refused_structured.npy"), HasSubstr("structured"));
  EXPECT_THAT(refused("refused_text.npy"), AllOf(HasSubstr("'<U2'"), HasSubstr("text")));
  EXPECT_THAT(refused("refused_date.npy"), AllOf(HasSubstr("'<M8[D]'"), HasSubstr("dates")));
  EXPECT_THAT(refused("refused_longdouble.npy"), HasSubstr("'<f16'"));
  EXPECT_THAT(refused("refused_float8_e4m3fn.npy"), AllOf(HasSubstr("'<V1'"), HasSubstr("float8")));
}

TEST(OpenArtifact, SaysWhatAFileIsInsteadOfAnArtifact) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& name, std::string_view content) {
    write_file(folder / name, content);
    return error_of([&] { open_artifact(folder / name); });
  };
  EXPECT_THAT(error("empty.npy", ""), HasSubstr("empty.npy: the file is empty"));
  EXPECT_THAT(error("a.txt", "hello"), HasSubstr("begins with the bytes 68 65 6c 6c"));
  EXPECT_THAT(error("a.npy", "hello"), HasSubstr("does not begin with \\x93NUMPY"));
  EXPECT_THAT(error("a.npz", "hello"), HasSubstr("no end record"));
  EXPECT_THAT(error("a.safetensors", "hello"), HasSubstr("has 5 bytes"));
  EXPECT_THAT(error("a.safetensors", std::string(9, '\xff')), HasSubstr("18446744073709551615"));
  EXPECT_THAT(error_of([&] { open_artifact(folder / "none.npy"); }), HasSubstr("No such file"));
  EXPECT_THAT(error_of([&] { open_artifact(folder.path()); }), HasSubstr("not a regular file"));
}

TEST(OpenArtifact, EveryGoldenIsTested) {
  auto known = golden_files();
  for (const auto& entry : std::filesystem::directory_iterator(golden(""))) {
    const auto name = entry.path().filename().string();
    const bool listed = std::any_of(known.begin(), known.end(), [&](const std::string& file) {
      return file == name || file.starts_with(name + "/");
    });
    EXPECT_TRUE(listed || name == "manifest.json" || name.starts_with("refused_")) << name;
  }
}

} // namespace
} // namespace mflux::artifacts
