#include "mflux/parity/dumps/dump.h"

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/image/png.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::write_npy;
using artifacts::write_npz;
using artifacts::write_safetensors;
using mflux::testing::error_of;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DumpTest : public ::testing::Test {
 protected:
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    const Dump dump = Dump::open(folder.path());
    for (const auto& checkpoint : dump.checkpoints()) {
      out.push_back(checkpoint.text);
    }
    return out;
  }

  std::string error() const {
    return error_of([&] { Dump::open(folder.path()); });
  }

  void copy_golden(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(artifacts::golden(from), folder / to);
  }

  void manifest(const std::string& checkpoints) const {
    write_file(
        folder / "manifest.json",
        R"({"schema": 1, "future": [], "checkpoints": [)" + checkpoints + "]}");
  }

  TemporaryFolder folder;
};

TEST_F(DumpTest, MixesFormatsAndSkipsWhatIsBesideThem) {
  write_npy(folder / "latents@step=02.npy", row("", normal(4, 1)).tensor);
  write_npz(folder / "b.npz", {row("x", normal(4, 2)), row("weights/w", normal(4, 3))});
  write_safetensors(folder / "c.safetensors", {row("y.out.0", normal(4, 4))});
  write_file(folder / "parity.toml", "");
  write_file(folder / "notes.txt", "");
  copy_golden("torch_list.bin", "d.bin");
  copy_golden("torch_tensor.pt", "noise_pred@step=2.pt");
  EXPECT_THAT(names(), ElementsAre("x", "y", "0", "1.x", "latents@step=2", "noise_pred@step=2"));
  EXPECT_THAT(
      Dump::open(folder.path()).remarks(), ElementsAre(HasSubstr("notes.txt: not a tensor file")));
}

TEST_F(DumpTest, APictureIsACheckpointOfItsFilesNameAndComesLast) {
  write_npz(folder / "z.npz", {row("z", normal(4, 1)), row("image", normal(4, 2))});
  write_png(folder / "image.png", Image{2, 1, {1, 2, 3, 4, 5, 6}});
  EXPECT_THAT(names(), ElementsAre("z", "image", "image.png"));
  const Dump dump = Dump::open(folder.path());
  EXPECT_EQ(dump.order(), OrderSource::archive);
  EXPECT_EQ(dump.checkpoints().back().picture, artifacts::PictureKind::exact);
  EXPECT_EQ(dump.checkpoints().back().shape, (artifacts::Shape{1, 2, 3}));
  write_file(folder / "image.png", "no picture");
  EXPECT_THAT(
      error_of([&] { Dump::open(folder.path()); }), HasSubstr("no PNG or JPEG, whose name"));
}

TEST_F(DumpTest, OneArchiveKeepsItsOrder) {
  write_npz(folder / "a.npz", {row("z", normal(4, 1)), row("a", normal(4, 2))});
  EXPECT_THAT(names(), ElementsAre("z", "a"));
  const Dump torch = Dump::open(artifacts::golden("torch_protocol_3.pt"));
  EXPECT_EQ(torch.order(), OrderSource::archive);
  EXPECT_EQ(torch.checkpoints().at(0).text, "b");
  EXPECT_EQ(Dump::open(folder / "a.npz").order(), OrderSource::archive);
  write_npz(folder / "b.npz", {row("q", normal(4, 1))});
  EXPECT_EQ(Dump::open(folder.path()).order(), OrderSource::none);
}

TEST_F(DumpTest, TheManifestGivesNamesOrderStepsAndSlices) {
  write_safetensors(
      folder / "a.safetensors",
      {row("k1", normal(4, 1)), row("k2", normal(3, 2)), row("k3", normal(2, 3))});
  manifest(R"({"name": "noise_pred", "file": "a.safetensors", "key": "k2", "step": 3, "class": "X"},
      {"name": "decoded", "file": "a.safetensors", "key": "k1", "slice": [[2, 6]], "shape": [8]})");
  const Dump dump = Dump::open(folder.path());
  EXPECT_THAT(names(), ElementsAre("noise_pred@step=3", "decoded", "k3"));
  EXPECT_EQ(dump.order(), OrderSource::manifest);
  EXPECT_EQ(dump.checkpoints()[0].module_class, "X");
  EXPECT_THAT(*dump.checkpoints()[1].slice, ElementsAre(std::pair<int64_t, int64_t>(2, 6)));
  EXPECT_THAT(*dump.checkpoints()[1].whole_shape, ElementsAre(8));
  EXPECT_THAT(dump.remarks(), ElementsAre(HasSubstr("1 tensors that manifest.json does not list")));
  EXPECT_EQ(dump.load(dump.checkpoints()[0]).shape, (artifacts::Shape{3}));
}

TEST_F(DumpTest, AManifestMustFitTheFiles) {
  write_npz(folder / "a.npz", {row("x", normal(4, 1))});
  manifest(R"({"name": "x", "file": "gone.npz", "key": "x"})");
  EXPECT_THAT(
      error(),
      HasSubstr("x should be in the file gone.npz, which is no file of tensors in the folder"));
  manifest(R"({"name": "x", "file": "../a.npz", "key": "x"})");
  EXPECT_THAT(error(), HasSubstr("which is no file of tensors in the folder"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "y"})");
  EXPECT_THAT(error(), HasSubstr("the tensor \"y\" of a.npz, which has none of that name"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "slice": [[0, 5]]})");
  EXPECT_THAT(error(), HasSubstr("slice of shape [5], but the file a.npz holds [4]"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "slice": [[5, 9]], "shape": [8]})");
  EXPECT_THAT(error(), HasSubstr("the slice of x reaches outside its shape [8]"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "slice": [[0, 4]], "shape": [8, 1]})");
  EXPECT_THAT(error(), HasSubstr("the slice of x reaches outside its shape [8, 1]"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "shape": [2, 2]})");
  EXPECT_THAT(error(), HasSubstr("x has the shape [2, 2], but the file a.npz holds [4]"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "dtype": "bfloat16"})");
  EXPECT_THAT(error(), HasSubstr("x has the dtype bfloat16, but the file a.npz holds float32"));
  manifest(R"({"name": "x", "file": "a.npz"}, {"name": "x", "file": "a.npz"})");
  EXPECT_THAT(error(), HasSubstr("manifest.json: x is listed twice"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "slice": [[4, 0]]})");
  EXPECT_THAT(error(), HasSubstr("ends before it begins"));
  manifest(R"({"name": "x", "file": "a.npz", "key": "x", "slice": [[0, -4]]})");
  EXPECT_THAT(error(), HasSubstr("expected a size"));
  manifest(R"({"file": "a.npz"})");
  EXPECT_THAT(error(), HasSubstr("\"name\" is missing"));
  write_file(folder / "manifest.json", R"({"schema": 2, "checkpoints": []})");
  EXPECT_THAT(error(), HasSubstr("schema is 2"));
  write_file(folder / "manifest.json", R"({"schema": 1})");
  EXPECT_THAT(error(), HasSubstr("\"checkpoints\" must be a list"));
}

TEST_F(DumpTest, APartialRunIsSaid) {
  write_npz(folder / "a.npz", {row("x", normal(4, 1))});
  write_file(
      folder / "manifest.json",
      R"({"schema": 1, "partial": true, "error": "KeyError: 3", "checkpoints": []})");
  EXPECT_THAT(Dump::open(folder.path()).remarks()[0], HasSubstr("ended early: KeyError: 3"));
}

TEST_F(DumpTest, ANameThatStandsTwiceNamesBothFiles) {
  write_npz(folder / "a.npz", {row("x", normal(4, 1))});
  write_npz(folder / "b.npz", {row("x.out.0", normal(4, 1))});
  EXPECT_THAT(error(), HasSubstr("the checkpoint x stands twice, in a.npz and in b.npz"));
}

TEST_F(DumpTest, NothingToReadIsAnError) {
  EXPECT_THAT(error(), HasSubstr("holds no tensors"));
  EXPECT_THAT(error_of([&] { Dump::open(folder / "none"); }), HasSubstr("does not exist"));
  write_npz(folder / "w.npz", {row("weights/w", normal(4, 3))});
  EXPECT_THAT(error(), HasSubstr("holds no tensors"));
  copy_golden("refused_torch_module.pt", "a.pt");
  EXPECT_THAT(error(), HasSubstr("torch.nn.modules.linear.Linear"));
}

TEST_F(DumpTest, ShardsAreReadOnceThroughTheirIndex) {
  write_safetensors(folder / "m-1.safetensors", {row("a", normal(4, 1))});
  write_safetensors(folder / "m-2.safetensors", {row("b", normal(4, 2))});
  write_file(
      folder / "m.safetensors.index.json",
      R"({"metadata": {}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})");
  EXPECT_THAT(names(), ElementsAre("a", "b"));
}

TEST_F(DumpTest, AFolderOfWeightsHoldsNoCheckpoints) {
  std::filesystem::create_directory(folder / "weights");
  std::filesystem::create_directory(folder / "other");
  write_npy(folder / "weights" / "w.npy", row("", normal(4, 1)).tensor);
  write_npy(folder / "x.npy", row("", normal(4, 1)).tensor);
  EXPECT_THAT(names(), ElementsAre("x"));
  EXPECT_THAT(Dump::open(folder.path()).remarks(), ElementsAre(HasSubstr("other: a folder")));
}

} // namespace
} // namespace mflux::parity
