// `mflux port run` as a person meets it: what it writes, and that bad input is one line, exit 2 and
// nothing written.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "mflux/capture/tensors.h"
#include "mflux/image/png.h"
#include "mflux/weights/weights.h"
#include "support/fixture.h"
#include "support/run_command.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::CommandResult;
using testing::fixture;
using ::testing::HasSubstr;
using testing::run_mflux;

class PortRun : public ::testing::Test {
 protected:
  CommandResult run(const std::string& component, std::vector<std::string> flags) {
    std::vector<std::string> words{"port", "run", "flux2-klein", component};
    words.insert(words.end(), flags.begin(), flags.end());
    return run_mflux(words);
  }

  /// The refusal's line; checks that it is one line, exit 2, and that nothing was written.
  std::string refusal(const std::string& component, std::vector<std::string> flags) {
    const auto before = files();
    const auto result = run(component, std::move(flags));
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(files(), before) << "something was written";
    return result.err;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
      names.push_back(file.path().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  /// A file whose only tensor is "vae.decode.in".
  std::string latents(const mx::array& z) {
    const auto file = folder / "in/z.safetensors";
    std::filesystem::create_directory(folder / "in");
    artifacts::write_safetensors(file, {{"vae.decode.in", capture::to_tensor(z)}});
    return file;
  }

  std::string path(const std::string& name) const {
    return folder / name;
  }

  testing::TemporaryFolder folder;
  std::string model = fixture("vae/four_blocks");
  std::string dump = model + "/decode";
  /// Every way to write something, so that refusals show that they write nothing.
  std::vector<std::string> with_outputs(std::vector<std::string> flags) const {
    for (const auto& flag : {"--capture=" + path("cap"), "--output=" + path("o.npz")}) {
      flags.push_back(flag);
    }
    return flags;
  }
};

TEST_F(PortRun, WritesWhatWasAskedFor) {
  const auto result =
      run("vae.decode",
          with_outputs({"--model", model, "--inputs", dump, "--image", path("p.png"), "--json"}));
  ASSERT_EQ(result.code, 0) << result.err;
  const Json told = parse_json(result.out);
  EXPECT_EQ(told["component"], "vae.decode");
  EXPECT_EQ(told["checkpoints"], 214);
  EXPECT_EQ(told["outputs"][0]["shape"], (std::vector{1, 3, 24, 32}));
  EXPECT_EQ(read_png(path("p.png")).width, 32);
  EXPECT_TRUE(std::filesystem::exists(path("cap/manifest.json")));
  EXPECT_TRUE(std::filesystem::exists(path("o.npz")));
}

TEST_F(PortRun, InjectsTensorsOfADump) {
  const std::vector<std::string> base{"--model", model, "--inputs", dump};
  const auto flags = [&](std::vector<std::string> more) {
    more.insert(more.end(), base.begin(), base.end());
    return more;
  };
  ASSERT_EQ(run("vae.decode", flags({"--capture", path("all")})).code, 0);
  const auto all = testing::read_dump(path("all"));
  // The block's output doubled: everything after it changes, what is before does not.
  const std::string block = "vae.decoder.mid_block";
  const auto doubled = mx::multiply(to_array(testing::find(all, block).tensor), mx::array(2.f));
  artifacts::write_npz(path("two.npz"), {{"twice", capture::to_tensor(doubled)}});
  const auto result =
      run("vae.decode",
          flags(
              {"--capture",
               path("cut"),
               "--inject",
               block + "=" + path("two.npz") + "#twice",
               "--inject",
               "vae.decoder.conv_out=" + path("all")}));
  ASSERT_EQ(result.code, 0) << result.err;
  const auto cut = testing::read_dump(path("cut"));
  const auto difference = [&](const std::string& name) {
    return testing::relative_l2(testing::find(cut, name).tensor, testing::find(all, name).tensor);
  };
  EXPECT_EQ(difference("vae.decoder.conv_in"), 0);
  EXPECT_NEAR(difference(block), 1, 1e-6);
  EXPECT_GT(difference("vae.decoder.up_blocks.0"), 1e-3);
  EXPECT_GT(difference("vae.decoder.conv_out.in"), 1e-3);
  EXPECT_EQ(difference("vae.decode"), 0) << "the last convolution's output was injected too";
}

TEST_F(PortRun, RefusesBadInjections) {
  const auto told = [&](const std::string& text) {
    return refusal(
        "vae.decode", with_outputs({"--model", model, "--inputs", dump, "--inject", text}));
  };
  EXPECT_THAT(told("vae.decode.in"), HasSubstr("--inject: \"vae.decode.in\": expected CHECKPOINT"));
  EXPECT_THAT(told("vae.decode=/nowhere"), HasSubstr("--inject: /nowhere does not exist"));
  EXPECT_THAT(told("vae.decode.in=" + dump + "#vae.decode.i"), HasSubstr("the nearest is"));
  EXPECT_THAT(
      told("vae.decode=" + dump + "#vae.decode.in"), HasSubstr("the run has [1, 3, 24, 32]"));
  EXPECT_THAT(
      told("vae.decode@step=1=" + dump + "#vae.decode"), HasSubstr("the nearest is vae.decode"));
  const auto own = path("own");
  std::filesystem::copy(dump, own);
  EXPECT_THAT(
      refusal(
          "vae.decode",
          {"--model", model, "--inputs", dump, "--inject=vae.decode.in=" + own, "--capture", own}),
      HasSubstr("is what --inject reads"));
}

TEST_F(PortRun, WarnsOfATapThatMatchesNothing) {
  const std::string cap = "--capture=" + path("cap"), in = "--inputs=" + dump;
  const auto result =
      run("vae.decode", {"--model", model, in, cap, "--tap=vae.decode", "--tap=vae.nothing"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "mflux: no checkpoint of this run matches vae.nothing\n");
}

TEST_F(PortRun, Bfloat16IsCloseToFloat32) {
  const auto flags = [&](const std::string& name, const std::string& dtype) {
    return std::vector<std::string>{
        "--model", model, "--inputs", dump, "--dtype", dtype, "--capture", path(name)};
  };
  ASSERT_EQ(run("vae.decode", flags("half", "bfloat16")).code, 0);
  ASSERT_EQ(run("vae.decode", flags("full", "float32")).code, 0);
  const auto half = testing::read_dump(path("half")), full = testing::read_dump(path("full"));
  const auto& rounded = testing::find(half, "vae.decode").tensor;
  EXPECT_EQ(rounded.dtype, artifacts::Dtype::bfloat16);
  const double error = testing::relative_l2(rounded, testing::find(full, "vae.decode").tensor);
  EXPECT_GT(error, 1e-4);
  EXPECT_LT(error, 3e-2);
}

TEST_F(PortRun, NamesTheNearestModelAndComponent) {
  EXPECT_THAT(refusal("vae.decod", {"--model", model}), HasSubstr("did you mean vae.decode?"));
  const auto result = run_mflux({"port", "run", "flux2-kline", "vae.decode", "--model", model});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean flux2-klein?"));
}

TEST_F(PortRun, ContradictingFlagsAreErrors) {
  EXPECT_THAT(refusal("vae.decode", {"--model", model}), HasSubstr("needs --inputs"));
  EXPECT_THAT(
      refusal("vae.roundtrip", {"--model", model, "--inputs", dump}), HasSubstr("takes --image"));
  EXPECT_THAT(
      refusal(
          "vae.encode",
          {"--model", model, "--inputs", model + "/encode", "--image", path("p.png")}),
      HasSubstr("gives no picture"));
  EXPECT_THAT(
      refusal("vae.decode", {"--model", model, "--inputs", dump, "--output", path("o.txt")}),
      HasSubstr("expected a .safetensors or .npz"));
  EXPECT_THAT(
      refusal("vae.decode", {"--model", model, "--inputs", dump, "--image", path("no/p.png")}),
      HasSubstr("its folder does not exist"));
  EXPECT_THAT(
      refusal("vae.decode", {"--model", model, "--inputs", dump, "--tap", "x"}),
      HasSubstr("--capture"));
  EXPECT_THAT(
      refusal("vae.decode", {"--model", model, "--inputs", dump, "--dtype", "int8"}),
      HasSubstr("dtype"));
}

TEST_F(PortRun, NothingThatIsReadIsReplaced) {
  const auto copy = path("ref"), own_model = path("model");
  std::filesystem::copy(dump, copy);
  std::filesystem::copy(model, own_model);
  const auto told = [&](const std::string& inputs, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--model", own_model, "--inputs", inputs});
    return refusal("vae.decode", flags);
  };
  const std::string reads = "is what --inputs reads",
                    file = copy + "/checkpoints-00001.safetensors";
  EXPECT_THAT(told(copy, {"--capture", copy + "/../ref/"}), HasSubstr(reads));
  EXPECT_THAT(told(file, {"--capture", copy}), HasSubstr("holds what --inputs reads"));
  EXPECT_THAT(told(file, {"--output", file}), HasSubstr(reads));
  EXPECT_THAT(told(copy, {"--output", copy + "/o.npz"}), HasSubstr("lies inside --inputs"));
  EXPECT_THAT(told(copy, {"--capture", copy + "/new"}), HasSubstr("lies inside --inputs"));
  EXPECT_THAT(told(copy, {"--capture", own_model}), HasSubstr("is what --model reads"));
  EXPECT_THAT(told(copy, {"--image", own_model + "/p.png"}), HasSubstr("lies inside --model"));
  EXPECT_THAT(
      told(copy, {"--capture", path("c"), "--output", path("c/checkpoints-00001.safetensors")}),
      HasSubstr("a file that --capture writes"));
  std::filesystem::create_symlink(copy, path("link"));
  EXPECT_THAT(told(copy, {"--capture", path("link")}), HasSubstr(reads));

  write_png(path("in.png"), {.width = 8, .height = 8, .rgb = std::vector<uint8_t>(192)});
  EXPECT_THAT(
      refusal(
          "vae.roundtrip",
          {"--model", own_model, "--image", path("in.png"), "--output", path("in.png")}),
      HasSubstr("is what --image reads"));
}

TEST_F(PortRun, FilesToWriteAreChecked) {
  const auto told = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--model", model, "--inputs", dump});
    return refusal("vae.decode", flags);
  };
  EXPECT_THAT(told({"--image", path("p.jpg")}), HasSubstr("expected a .png"));
  std::filesystem::create_directory(path("o.npz"));
  EXPECT_THAT(told({"--output", path("o.npz")}), HasSubstr("is a folder"));
  write_file(path("plain"), "");
  EXPECT_THAT(told({"--capture", path("plain")}), HasSubstr("is no folder"));
}

TEST_F(PortRun, OddBytesInPathsReachNoTerminalAndNoJson) {
  const std::vector<std::string> flags{
      "--model", model, "--inputs", dump, "--tap", "vae.decode", "--capture", path("\x1b\xff")};
  const auto text = run("vae.decode", flags);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr(R"(/\x1b\xff (2 checkpoints))"));
  auto json_flags = flags;
  json_flags.emplace_back("--json");
  const auto json = run("vae.decode", json_flags);
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_EQ(parse_json(json.out)["capture"], path("\x1b\ufffd"));
}

TEST_F(PortRun, UnreadableInputsAreErrors) {
  const auto told = [&](const std::string& inputs) {
    return refusal("vae.decode", with_outputs({"--model", model, "--inputs", inputs}));
  };
  EXPECT_THAT(told(path("none")), HasSubstr("does not exist"));
  std::filesystem::create_directory(path("empty"));
  EXPECT_THAT(told(path("empty")), HasSubstr("holds no dump"));
  EXPECT_THAT(told(model + "/encode"), HasSubstr("has no vae.decode.in"));
  EXPECT_THAT(told(model + "/config.json"), HasSubstr("config.json"));
  EXPECT_THAT(
      told(latents(mx::zeros({1, 4, 3, 4}))),
      HasSubstr(
          "z.safetensors: vae.decode.in is [1, 4, 3, 4], expected [batch, 5, height, width]"));
  EXPECT_THAT(told(latents(mx::zeros({5, 3, 4}))), HasSubstr("is [5, 3, 4], expected [batch, 5"));
  EXPECT_THAT(told(latents(mx::zeros({1, 5, 0, 4}))), HasSubstr("is [1, 5, 0, 4]"));
  EXPECT_THAT(
      told(latents(mx::zeros({1, 5, 3, 4}, mx::int32))),
      HasSubstr("is of int32, expected floating-point"));
  EXPECT_THAT(
      told(latents(mx::full({1, 5, 3, 4}, NAN))),
      HasSubstr("z.safetensors: vae.decode.in: holds NaN or infinity"));
  EXPECT_THAT(
      told(latents(mx::zeros({1, 5, 1, 5000}))),
      HasSubstr("is [1, 5, 1, 5000], expected a height and width of at most 4096 (32768 pixels)"));
}

TEST_F(PortRun, EncoderInputsAreCheckedInTheReferencesAxes) {
  const auto told = [&](const mx::array& x) {
    artifacts::write_safetensors(
        folder / "x.safetensors", {{"vae.encode.in", capture::to_tensor(x)}});
    return refusal("vae.encode", {"--model", model, "--inputs", path("x.safetensors")});
  };
  EXPECT_THAT(
      told(mx::zeros({1, 8, 8, 3})),
      HasSubstr(
          "x.safetensors: vae.encode.in is [1, 8, 8, 3], expected [batch, 3, height, width]"));
  EXPECT_THAT(told(mx::zeros({1, 3, 8, 7})), HasSubstr("a height and width of at least 8"));
  EXPECT_THAT(told(mx::zeros({1, 3, 8, 40000})), HasSubstr("at most 32768 (32768 pixels)"));
}

TEST_F(PortRun, TensorsLargerThanMemoryAreErrors) {
  std::string header =
      R"({"vae.decode.in":{"dtype":"F32","shape":[1,5,100000,100000],"data_offsets":[0,200000000000]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size());
  write_file(path("z.safetensors"), size + header);
  std::filesystem::resize_file(path("z.safetensors"), 8 + header.size() + 200'000'000'000);
  EXPECT_THAT(
      refusal("vae.decode", {"--model", model, "--inputs", path("z.safetensors")}),
      HasSubstr("is [1, 5, 100000, 100000], expected a height and width of at most 4096"));
}

TEST_F(PortRun, InitialNoiseIsNotDecoded) {
  const auto tensor = capture::to_tensor(mx::zeros({1, 4, 20}));
  std::vector<artifacts::NamedTensor> tensors{{"latents_packed", tensor}};
  const std::vector<std::string> flags{"--model", model, "--inputs", path("t.safetensors")};
  artifacts::write_safetensors(folder / "t.safetensors", tensors);
  EXPECT_EQ(run("latents.decode", flags).code, 0);
  tensors.push_back({"noise_pred@step=1", tensor});
  artifacts::write_safetensors(folder / "t.safetensors", tensors);
  EXPECT_THAT(refusal("latents.decode", flags), HasSubstr("the noise that the run began with"));
}

TEST_F(PortRun, WeightsAreCheckedByTypeAndRange) {
  const auto copy = folder / "model", file = copy / "diffusion_pytorch_model.safetensors";
  std::filesystem::copy(model, copy);
  const auto artifact = artifacts::open_artifact(model + "/diffusion_pytorch_model.safetensors");
  const auto told = [&](const std::string& name, const mx::array& instead) {
    std::vector<artifacts::NamedTensor> tensors;
    for (size_t i = 0; i < artifact->tensors().size(); ++i) {
      const auto& own = artifact->tensors()[i].name;
      tensors.push_back({own, own == name ? capture::to_tensor(instead) : artifact->load(i)});
    }
    artifacts::write_safetensors(file, tensors);
    return refusal("vae.decode", {"--model", copy, "--inputs", dump});
  };
  EXPECT_THAT(
      told("bn.running_var", mx::full({20}, -1.f)),
      HasSubstr("diffusion_pytorch_model.safetensors: bn.running_var holds negative"));
  EXPECT_THAT(
      told("bn.running_mean", mx::zeros({20}, mx::int32)),
      HasSubstr("wrong type: bn.running_mean holds no floating-point numbers"));
}

TEST_F(PortRun, PicturesNeedOneImageOfThreeChannels) {
  EXPECT_THAT(
      refusal(
          "vae.decode",
          with_outputs(
              {"--model",
               model,
               "--inputs",
               latents(mx::zeros({2, 5, 3, 4})),
               "--image",
               path("p.png")})),
      HasSubstr("z.safetensors: 2 image(s) of 3 channels cannot be one PNG"));
}

TEST_F(PortRun, DamagedModelsAreErrors) {
  const auto copy = folder / "model";
  const auto told = [&] {
    return refusal("vae.decode", with_outputs({"--model", copy, "--inputs", dump}));
  };
  std::filesystem::create_directory(copy);
  EXPECT_THAT(told(), HasSubstr("config.json does not exist"));
  std::filesystem::copy_file(model + "/config.json", copy / "config.json");
  EXPECT_THAT(told(), HasSubstr("holds no weights"));

  const std::string name = "/diffusion_pytorch_model.safetensors";
  const std::string good = read_file(model + name);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, good.size() / 2, good.size() - 1}) {
    write_file(copy.string() + name, good.substr(0, size));
    EXPECT_THAT(told(), HasSubstr("diffusion_pytorch_model.safetensors"));
  }
  std::filesystem::copy_file(
      fixture("vae/odd_sizes").string() + name,
      copy.string() + name,
      std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(told(), HasSubstr("problems with the weights"));
  write_file(copy / "config.json", R"({"_class_name": "AutoencoderKL"})");
  EXPECT_THAT(told(), HasSubstr("expected AutoencoderKLFlux2"));
}

TEST_F(PortRun, TokensNeedAGrid) {
  const auto tokens = [&](int count) {
    artifacts::write_safetensors(
        folder / "t.safetensors",
        {{"latents@step=2", capture::to_tensor(mx::zeros({1, count, 20}))}});
    return std::vector<std::string>{"--model", model, "--inputs", path("t.safetensors")};
  };
  EXPECT_THAT(
      refusal("latents.decode", tokens(6)),
      HasSubstr("t.safetensors: latents@step=2 is [1, 6, 20], expected a square of"));
  const auto result = run("latents.decode", tokens(4));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("decoded [1, 3, 32, 32]"));
}

} // namespace
} // namespace mflux
