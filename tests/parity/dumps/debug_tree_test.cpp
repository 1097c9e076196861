#include "mflux/parity/dumps/debug_tree.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/parity/dumps/dump.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What transformers wrote of a Qwen3Model of three layers, pruned to two (generator:
/// tools/reference/fixtures/model_debugger.py).
const char* const kFolder = MFLUX_SOURCE_DIR "/tests/fixtures/parity/model_debugger";

std::vector<std::string> names_of(const DebugTree& tree) {
  std::vector<std::string> out;
  for (const auto& entry : tree.checkpoints) {
    out.push_back(entry.name + " " + entry.file);
  }
  return out;
}

class DebugTreeTest : public ::testing::Test {
 protected:
  DebugTree read(const std::string& tree, const std::vector<std::string>& files = {}) const {
    write_file(folder / "M_debug_tree_FULL_TENSORS.json", tree);
    return read_debug_tree(folder / "M_debug_tree_FULL_TENSORS.json", files);
  }

  std::string error(const std::string& tree) const {
    return error_of([&] { read(tree); });
  }

  TemporaryFolder folder;
};

/// A tensor in a tree.
std::string tensor(const std::string& file) {
  return R"({"shape": "torch.Size", "dtype": "torch.int64", "value": ")" + file + R"("})";
}

TEST(DebugTree, ReadsWhatTransformersWrote) {
  const Dump dump = Dump::open(kFolder);
  std::vector<std::string> names;
  for (const auto& checkpoint : dump.checkpoints()) {
    names.push_back(checkpoint.text);
  }
  EXPECT_EQ(dump.order(), OrderSource::manifest);
  ASSERT_EQ(names.size(), 76u);
  EXPECT_EQ(names.front(), "Qwen3Model.in");
  EXPECT_EQ(names[2], "Qwen3Model.embed_tokens");
  EXPECT_EQ(names[6], "Qwen3Model.rotary_emb.out.1");
  EXPECT_EQ(names[7], "Qwen3Model.layers.0.in.0");
  EXPECT_EQ(names[8], "Qwen3Model.layers.0.in.position_embeddings.0");
  EXPECT_THAT(names, Contains("Qwen3Model.layers.2.mlp.down_proj"));
  EXPECT_EQ(names.back(), "Qwen3Model");
  EXPECT_EQ(dump.checkpoints().back().shape, (artifacts::Shape{1, 3, 4}));
  EXPECT_EQ(dump.load(dump.checkpoints()[2]).count(), 12);
  EXPECT_THAT(
      dump.remarks(),
      ElementsAre(AllOf(HasSubstr("33 tensor files"), HasSubstr("do_prune_layers=False"))));
}

TEST_F(DebugTreeTest, InputsChildrenOutputsAreInOrder) {
  const auto tree = read(
      R"({"module_path": "M", "inputs": {"args": [)" + tensor("./a.safetensors") +
      R"(, "None"], "kwargs": {"k": [)" + tensor("./k.safetensors") +
      R"(]}}, "children": [{"module_path": "M.c", "outputs": [)" + tensor("./c.safetensors") +
      R"(]}], "outputs": {"x": )" + tensor("./x.safetensors") + R"(, "y": )" +
      tensor("./y.safetensors") + "}}");
  EXPECT_THAT(
      names_of(tree),
      ElementsAre(
          "M.in.0 a.safetensors",
          "M.in.k.0 k.safetensors",
          "M.c c.safetensors",
          "M.out.x x.safetensors",
          "M.out.y y.safetensors"));
}

TEST_F(DebugTreeTest, OnlyTheLastCallIsKept) {
  const std::string call =
      R"({"module_path": "M.c", "outputs": )" + tensor("./M.c_outputs.safetensors") + "}";
  const auto tree = read(
      R"({"module_path": "M", "children": [)" + call + "," + call + "]}",
      {"M.c_outputs.safetensors", "M_outputs_h.safetensors", "M.d_outputs.safetensors", "N.npy"});
  EXPECT_THAT(
      names_of(tree),
      ElementsAre("M.c.call2 M.c_outputs.safetensors", "M M_outputs_h.safetensors"));
  EXPECT_THAT(
      tree.remarks,
      ElementsAre(
          HasSubstr("1 of 3 tensors were overwritten by later calls of their modules, M.c first"),
          HasSubstr("1 tensor files of M are not in its tree and not read, M.d_outputs")));
}

TEST_F(DebugTreeTest, RefusesTextAndOtherTrees) {
  EXPECT_THAT(
      error(R"({"module_path": "M", "outputs": {"shape": "s", "dtype": "d", "value": ["1"]}})"),
      AllOf(HasSubstr("M_debug_tree_FULL_TENSORS.json: "), HasSubstr("use_repr=False")));
  EXPECT_THAT(error("{}"), HasSubstr("no \"module_path\""));
  EXPECT_THAT(error("[]"), HasSubstr("no \"module_path\""));
  EXPECT_THAT(error(R"({"module_path": "M", "children": [3]})"), HasSubstr("no \"module_path\""));
}

} // namespace
} // namespace mflux::parity
