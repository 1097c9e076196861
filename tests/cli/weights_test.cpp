// `mflux weights` as a person meets it: the demo model, and what was done to copies of it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "support/fixture.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;
using artifacts::Dtype;
using artifacts::NamedTensor;
using ::testing::AllOf;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::run_mflux;

artifacts::Tensor floats(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return artifacts::make_tensor(
      Dtype::float32, {static_cast<int64_t>(values.size())}, std::move(bytes));
}

std::vector<NamedTensor> tensors_of(const fs::path& file) {
  const auto artifact = artifacts::open_artifact(file);
  std::vector<NamedTensor> out;
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    out.push_back({artifact->tensors()[i].name, artifact->load(i)});
  }
  return out;
}

class WeightsCommand : public ::testing::Test {
 protected:
  /// A copy of the demo model, to be spoilt.
  fs::path model() {
    if (!fs::exists(folder / "emoji")) {
      fs::copy(demo, folder / "emoji", fs::copy_options::recursive);
    }
    return folder / "emoji";
  }
  fs::path vae() {
    return model() / "vae/diffusion_pytorch_model.safetensors";
  }
  /// The copy's VAE weights as `change` leaves them.
  template <typename Change>
  void edit(Change&& change) {
    auto tensors = tensors_of(vae());
    change(tensors);
    const auto other = vae().string() + ".new";
    artifacts::write_safetensors(other, tensors);
    fs::rename(other, vae());
  }
  CommandResult check(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"weights", "check", "flux2-klein", model().string()});
    return run_mflux(more);
  }
  static Json json_of(const CommandResult& result) {
    return parse_json(result.out);
  }
  /// Two shards and their index in place of the copy's VAE weights.
  void shard() {
    const auto tensors = tensors_of(vae());
    const auto half = tensors.begin() + static_cast<long>(tensors.size() / 2);
    Json map = Json::object();
    const auto write = [&](const char* name, auto begin, auto end) {
      artifacts::write_safetensors(vae().parent_path() / name, {begin, end});
      for (auto one = begin; one != end; ++one) {
        map[one->name] = name;
      }
    };
    write(kFirst, tensors.begin(), half);
    write(kSecond, half, tensors.end());
    fs::remove(vae());
    write_file(index(), Json{{"metadata", Json::object()}, {"weight_map", map}}.dump());
  }
  fs::path index() {
    return vae().string() + ".index.json";
  }

  static constexpr const char* kFirst = "diffusion_pytorch_model-00001-of-00002.safetensors";
  static constexpr const char* kSecond = "diffusion_pytorch_model-00002-of-00002.safetensors";
  testing::TemporaryFolder folder;
  fs::path demo = fs::path(MFLUX_SOURCE_DIR) / "models/emoji";
};

TEST_F(WeightsCommand, ListsWhatTheFilesHold) {
  const auto file = folder / "w.safetensors";
  artifacts::write_safetensors(file, {{"b", floats({1, 2, 3})}, {"a.weight", floats({4})}});
  const auto text = run_mflux({"weights", "ls", file});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(
      text.out,
      AllOf(HasSubstr("2 tensors, 4 parameters"), HasSubstr("a.weight"), HasSubstr("[3]")));
  const auto told = json_of(run_mflux({"weights", "ls", "--json", file}));
  EXPECT_EQ(told["checkpoints"][0]["bytes"], 16);
  EXPECT_EQ(told["checkpoints"][0]["tensors"].size(), 2u);
}

TEST_F(WeightsCommand, ListsEveryComponentAndShard) {
  shard();
  const auto told = json_of(run_mflux({"weights", "ls", "--json", model()}));
  std::vector<std::string> names;
  for (const auto& checkpoint : told["checkpoints"]) {
    names.push_back(checkpoint["component"]);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("text_encoder", "transformer", "vae"));
  EXPECT_EQ(told["checkpoints"][2]["tensors"][0]["shard"], kFirst);
  EXPECT_EQ(
      told["checkpoints"][2]["bytes"],
      json_of(run_mflux({"weights", "ls", "--json", demo / "vae"}))["checkpoints"][0]["bytes"]);
}

TEST_F(WeightsCommand, ShowsTheValuesStatistics) {
  const auto file = folder / "w.safetensors";
  artifacts::write_safetensors(
      file, {{"a", floats({0, 1, 2, 5})}, {"b", floats({NAN, 1, INFINITY, 3})}});
  const auto told =
      json_of(run_mflux({"weights", "stat", "--json", file}))["checkpoints"][0]["tensors"];
  EXPECT_EQ(told[0]["min"], 0);
  EXPECT_EQ(told[0]["max"], 5);
  EXPECT_EQ(told[0]["mean"], 2);
  EXPECT_NEAR(told[0]["std"].get<double>(), std::sqrt(3.5), 1e-12); // numpy.std
  EXPECT_EQ(told[0]["zeros"], 1);
  EXPECT_EQ(told[1]["nan"], 1);
  EXPECT_EQ(told[1]["inf"], 1);
  EXPECT_EQ(told[1]["mean"], 2);
  EXPECT_EQ(run_mflux({"weights", "stat", demo / "vae"}).code, 0);
}

TEST_F(WeightsCommand, DiffSaysWhatChanged) {
  const auto same = run_mflux({"weights", "diff", demo, model()});
  EXPECT_EQ(same.code, 0) << same.err << same.out;
  const auto a = folder / "a.safetensors", b = folder / "b.safetensors";
  artifacts::write_safetensors(
      a,
      {{"equal", floats({1})},
       {"gone", floats({1})},
       {"shape", floats({1})},
       {"x", floats({3, 4})}});
  artifacts::write_safetensors(
      b,
      {{"equal", floats({1})},
       {"new", floats({1})},
       {"shape", floats({1, 2})},
       {"x", floats({3, 4.5})}});
  const auto result = run_mflux({"weights", "diff", "--json", a, b});
  EXPECT_EQ(result.code, 1);
  const auto told = json_of(result)["differences"];
  ASSERT_EQ(told.size(), 4u) << result.out;
  EXPECT_EQ(told[0]["kind"], "only in A");
  EXPECT_EQ(told[1]["kind"], "shape");
  EXPECT_EQ(told[2]["kind"], "values");
  EXPECT_NEAR(told[2]["rel_l2"].get<double>(), 0.1, 1e-12);
  EXPECT_EQ(told[2]["max_abs"], 0.5);
  EXPECT_EQ(told[3]["kind"], "only in B");
  EXPECT_THAT(run_mflux({"weights", "diff", a, b}).out, HasSubstr("4 of 4 tensors differ"));
}

TEST_F(WeightsCommand, TheDemoModelFits) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{}, {"--strict"}}) {
    const auto result = check(flags);
    EXPECT_EQ(result.code, 0) << result.out << result.err;
    EXPECT_THAT(
        result.out,
        AllOf(HasSubstr("text_encoder: "), HasSubstr("transformer: "), HasSubstr("all fit")));
    EXPECT_THAT(result.out, HasSubstr("1 unused by design: bn.num_batches_tracked"));
  }
  const auto one = run_mflux({"weights", "check", "flux2-klein", demo / "vae"});
  EXPECT_EQ(one.code, 0) << one.out;
  EXPECT_THAT(one.out, ::testing::Not(HasSubstr("transformer")));
}

TEST_F(WeightsCommand, ShardedModelsFit) {
  shard();
  const auto result = check();
  EXPECT_EQ(result.code, 0) << result.out << result.err;
}

TEST_F(WeightsCommand, TellsAllMisfitsAtOnce) {
  edit([](std::vector<NamedTensor>& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (name == "decoder.conv_in.weight") {
        name = "decoder.conv_in.weigth";
      } else if (name == "decoder.conv_in.bias") {
        tensor = floats({1});
      }
    }
    tensors.push_back({"extra", floats({1})});
  });
  const auto result = check({"--json"});
  EXPECT_EQ(result.code, 1) << result.err;
  const auto problems = json_of(result)["components"][2]["problems"];
  std::vector<std::string> told;
  for (const auto& problem : problems) {
    told.push_back(problem["kind"].get<std::string>() + " " + problem["name"].get<std::string>());
  }
  EXPECT_THAT(
      told,
      ::testing::ElementsAre(
          "misshapen decoder.conv_in.bias",
          "missing decoder.conv_in.weight",
          "unused decoder.conv_in.weigth",
          "unused extra"));
  EXPECT_THAT(
      problems[1]["detail"].get<std::string>(), HasSubstr("the nearest is decoder.conv_in.weigth"));
}

TEST_F(WeightsCommand, StrictCountsUnknownConfigKeys) {
  const auto file = model() / "vae/config.json";
  Json config = read_json(file);
  config["surprise"] = 1;
  write_file(file, config.dump());
  EXPECT_EQ(check().code, 0);
  EXPECT_THAT(check().out, HasSubstr("surprise"));
  EXPECT_EQ(check({"--strict"}).code, 1);
}

TEST_F(WeightsCommand, UnreadableComponentsDoNotHideTheOthers) {
  edit([](std::vector<NamedTensor>& tensors) { tensors.pop_back(); });
  fs::resize_file(model() / "transformer/diffusion_pytorch_model.safetensors", 100);
  fs::remove_all(model() / "text_encoder");
  const auto result = check();
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("text_encoder: unreadable: "),
          HasSubstr("transformer: unreadable: "),
          HasSubstr("it was cut off"),
          HasSubstr("vae: "),
          HasSubstr("missing: ")));
}

TEST_F(WeightsCommand, BrokenShardsAreUnreadable) {
  shard();
  const auto told = [&] {
    const auto result = check();
    EXPECT_EQ(result.code, 2);
    return result.out;
  };
  const auto first = vae().parent_path() / kFirst, kept = folder / "kept";
  fs::rename(first, kept);
  EXPECT_THAT(told(), AllOf(HasSubstr("vae: unreadable"), HasSubstr(kFirst)));
  fs::rename(kept, first);
  // A tensor in both.
  auto tensors = tensors_of(vae().parent_path() / kSecond);
  tensors.push_back(tensors_of(first).front());
  artifacts::write_safetensors(folder / "both", tensors);
  fs::rename(folder / "both", vae().parent_path() / kSecond);
  EXPECT_THAT(told(), HasSubstr("holds the tensor"));
}

TEST_F(WeightsCommand, AnotherArchitectureIsOneLine) {
  fs::remove(vae());
  fs::remove(model() / "vae/config.json");
  fs::copy(demo / "transformer/config.json", model() / "vae/config.json");
  fs::copy(demo / "transformer/diffusion_pytorch_model.safetensors", vae());
  const auto result = check();
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.out, HasSubstr("Flux2Transformer2DModel"));
}

TEST_F(WeightsCommand, PrintsThePublishedSchema) {
  const auto told = json_of(run_mflux({"weights", "check", "flux2-klein", "--json"}))["components"];
  const Json transformer =
      read_json(testing::fixture("flux2_transformer/schema_klein_4b.json"))["tensors"];
  ASSERT_EQ(told["transformer"].size(), transformer.size());
  for (const auto& [name, shape] : transformer.items()) {
    EXPECT_EQ(told["transformer"][name], shape) << name;
  }
  EXPECT_EQ(told["text_encoder"]["model.embed_tokens.weight"], (std::vector{151936, 2560}));
  EXPECT_EQ(
      told["text_encoder"]["model.layers.26.mlp.down_proj.weight"], (std::vector{2560, 9728}));
  EXPECT_FALSE(told["text_encoder"].contains("model.layers.27.mlp.down_proj.weight"));
}

TEST_F(WeightsCommand, PrintsThePublishedSchemaOfZImagesVae) {
  const auto told = json_of(run_mflux({"weights", "check", "z-image", "--json"}))["components"];
  const Json vae = read_json(testing::fixture("vae/z_image_schema.json"))["tensors"];
  ASSERT_EQ(told["vae"].size(), vae.size());
  for (const auto& [name, tensor] : vae.items()) {
    EXPECT_EQ(told["vae"][name], tensor["shape"]) << name;
  }
}

TEST_F(WeightsCommand, BadInputIsOneLine) {
  const auto told = [](std::vector<std::string> words) {
    words.insert(words.begin(), "weights");
    const auto result = run_mflux(words);
    EXPECT_EQ(result.code, 2) << result.out;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  EXPECT_THAT(told({"ls", "/nowhere"}), HasSubstr("/nowhere does not exist"));
  EXPECT_THAT(told({"ls", folder.path()}), HasSubstr("holds no weights"));
  write_file(folder / "x.safetensors", "nothing");
  EXPECT_THAT(told({"stat", folder / "x.safetensors"}), HasSubstr("x.safetensors"));
  EXPECT_THAT(told({"check", "flux2-kline", demo}), HasSubstr("did you mean flux2-klein?"));
  EXPECT_THAT(told({"check", "flux2-klein", "/nowhere"}), HasSubstr("no model"));
}

} // namespace
} // namespace mflux
