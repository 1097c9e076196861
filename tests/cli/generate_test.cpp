// `mflux generate` and `mflux info` as a person meets them, on the bundled model.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "generate_command.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/image/png.h"
#include "mflux/image/psnr.h"
#include "support/fixture.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::quoted;
using ::testing::StartsWith;
using testing::Words;

using Generate = testing::GenerateCommand;

TEST_F(Generate, WithOnlyAPromptDrawsAndSaysWhere) {
  const auto result = generate({"--prompt", "a red apple"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          StartsWith("emoji in float32 on the cpu: 128 × 128, 4 steps, guidance 1, seed "),
          HasSubstr("(not torch's noise; see --latents)\nsigmas 1, "),
          HasSubstr("\npicture a_red_apple.png (")));
  EXPECT_THAT(result.err, HasSubstr("step 4/4"));
  EXPECT_EQ(files(), Words{"a_red_apple.png"});
  const Image image = read_png(path("a_red_apple.png"));
  EXPECT_EQ(image.width, 128);
  EXPECT_EQ(image.height, 128);
}

TEST_F(Generate, TheSameSeedGivesTheSameBytesBesideTheOlderFile) {
  const Words flags{"--prompt", "tree", "--seed", "7", "--quiet"};
  EXPECT_EQ(generate(flags).out, "tree.png\n");
  const auto again = generate(flags);
  EXPECT_EQ(again.out, "tree_1.png\n");
  EXPECT_EQ(again.err, "");
  EXPECT_EQ(read_file(path("tree.png")), read_file(path("tree_1.png")));
}

TEST_F(Generate, EverySeedHasItsFile) {
  const Json out = generate_json({"--prompt", "tree", "--seed", "3", "5", "--output", "x.png"});
  EXPECT_EQ(files(), (Words{"x_seed_3.png", "x_seed_5.png"}));
  EXPECT_NE(read_png(path("x_seed_3.png")).rgb, read_png(path("x_seed_5.png")).rgb);
  EXPECT_EQ(out["outputs"].size(), 2u);
  EXPECT_EQ(out["outputs"][1]["seed"], 5);
  EXPECT_EQ(out["outputs"][1]["path"], "x_seed_5.png");
  EXPECT_EQ(generate_json({"--prompt", "x", "--auto-seeds", "2"})["outputs"].size(), 2u);
}

TEST_F(Generate, JsonSaysWhatWasDone) {
  const Json out = generate_json({"--prompt", "tree", "--steps", "2", "--width", "100"});
  EXPECT_EQ(out["schema"], 1);
  EXPECT_EQ(out["model"], "emoji");
  EXPECT_EQ(out["dtype"], "float32");
  EXPECT_EQ(out["device"], "cpu");
  EXPECT_EQ(out["width"], 96);
  EXPECT_EQ(out["height"], 128);
  EXPECT_EQ(out["steps"], 2);
  EXPECT_EQ(out["guidance"], 1);
  EXPECT_EQ(out["sigmas"].size(), 3u);
  EXPECT_THAT(out["remarks"][0].get<std::string>(), HasSubstr("width 100 was rounded down to 96"));
  EXPECT_GT(out["peak_memory_bytes"], 10'000'000);
  EXPECT_GT(out["peak_array_bytes"], 10'000'000);
  const auto& seconds = out["outputs"][0]["seconds"];
  EXPECT_GT(seconds["denoise"], 0);
  EXPECT_GE(seconds["total"], seconds["denoise"].get<double>() + seconds["decode"].get<double>());
}

TEST_F(Generate, RemarksGoToStandardError) {
  const auto result = generate({"--prompt", "tree", "--steps", "1", "--height", "131"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr("mflux: the height 131 was rounded down to 128"));
  std::string longer = "tree";
  for (int i = 0; i < 60; ++i) {
    longer += " tree";
  }
  EXPECT_THAT(
      generate({"--prompt", longer, "--steps", "1"}).err,
      HasSubstr("tokens more than the 48 that the model takes"));
}

TEST_F(Generate, APictureCarriesAllItNeedsToBeDrawnAgain) {
  const std::string prompt = "りんご \"red\"";
  const Json out = generate_json({"--prompt", prompt, "--output", "a.png", "--metadata"});
  const Json seed = out["outputs"][0]["seed"];
  EXPECT_EQ(out["outputs"][0]["metadata"], "a.json");

  const auto info = run({"info", "a.png", "--json"});
  EXPECT_EQ(info.code, 0) << info.err;
  const Json stored = parse_json(info.out)["metadata"];
  EXPECT_EQ(stored, read_json(path("a.json")));
  EXPECT_EQ(stored["prompt"], prompt);
  EXPECT_EQ(stored["seed"], seed);
  EXPECT_EQ(stored["sigmas"], out["sigmas"]);
  EXPECT_THAT(
      parse_json(info.out)["texts"]["parameters"].get<std::string>(),
      AllOf(
          StartsWith(prompt + "\nSteps: 4, "), HasSubstr(fmt::format("Seed: {}, ", seed.dump()))));
  EXPECT_THAT(run({"info", "a.png"}).out, HasSubstr("\nprompt              " + prompt + "\n"));

  ASSERT_EQ(generate({"--prompt", prompt, "--seed", seed.dump(), "--output", "b.png"}).code, 0);
  EXPECT_EQ(read_png(path("a.png")).rgb, read_png(path("b.png")).rgb);
}

TEST_F(Generate, InfoOfAPlainPicture) {
  write_png(path("plain.png"), Image{1, 1, {1, 2, 3}});
  EXPECT_EQ(run({"info", "plain.png"}).code, 1);
  EXPECT_EQ(run({"info", "none.png"}).code, 2);
  write_png(path("bad.png"), Image{1, 1, {1, 2, 3}}, {{"mflux", "{"}});
  EXPECT_THAT(run({"info", "bad.png"}).err, HasSubstr("bad.png: mflux: "));
}

TEST_F(Generate, APictureAfterEachStep) {
  ASSERT_EQ(
      generate({"--prompt", "tree", "--steps", "3", "--stepwise-image-output-dir", "steps/of"})
          .code,
      0);
  EXPECT_EQ(
      files(),
      (Words{
          "steps",
          "steps/of",
          "steps/of/tree_step_01.png",
          "steps/of/tree_step_02.png",
          "steps/of/tree_step_03.png",
          "tree.png"}));
  EXPECT_EQ(read_png(path("steps/of/tree_step_03.png")).rgb, read_png(path("tree.png")).rgb);
  EXPECT_NE(read_png(path("steps/of/tree_step_01.png")).rgb, read_png(path("tree.png")).rgb);
}

TEST_F(Generate, PromptsComeFromFilesAndStandardInput) {
  write_file(path("p.txt"), "tree\n");
  const Words flags{"--seed", "7", "--steps", "1", "--quiet"};
  const auto drawn = [&](Words prompt, const std::string& before) {
    prompt.insert(prompt.end(), flags.begin(), flags.end());
    const auto result = generate(prompt, before);
    EXPECT_EQ(result.code, 0) << result.err;
    return read_png(path(result.out.substr(0, result.out.size() - 1))).rgb;
  };
  const auto expected = drawn({"--prompt", "tree"}, "");
  EXPECT_EQ(drawn({"--prompt-file", "p.txt"}, ""), expected);
  EXPECT_EQ(drawn({"--prompt-file", "-"}, "cat p.txt |"), expected);
  EXPECT_NE(drawn({"--prompt", ""}, ""), expected);
}

TEST_F(Generate, CaptureIsADumpOfTheRun) {
  ASSERT_EQ(
      generate({"--prompt",
                "tree",
                "--steps",
                "2",
                "--capture",
                "run/mlx",
                "--tap",
                "latents*",
                "--output",
                "run/mlx/image.png"})
          .code,
      0);
  EXPECT_TRUE(fs::exists(path("run/mlx/image.png")));
  const auto dump = testing::read_dump(path("run/mlx"));
  EXPECT_EQ(testing::find(dump, "latents@step=2").tensor.shape, (artifacts::Shape{1, 64, 128}));
}

TEST_F(Generate, ACaptureOfTheFusedPathSeesBetweenTheModels) {
  const auto run = [&](const std::string& fused) {
    const Words taps{"--tap", "transformer.norm_out", "--tap", "latents", "--tap", "decoded"};
    Words flags{"--prompt", "tree", "--steps", "2", "--seed", "1", "--capture", fused};
    flags.insert(flags.end(), taps.begin(), taps.end());
    const auto result = generate(flags, "MFLUX_FUSED=" + fused);
    EXPECT_EQ(result.code, 0) << result.err;
  };
  run("on");
  run("off");
  const auto compared = this->run(
      {"parity", "compare", "off", "on", "--allow-missing", "transformer.norm_out*", "--json"});
  EXPECT_EQ(compared.code, 0) << compared.out << compared.err;
  std::map<std::string, int> verdicts;
  const Json report = parse_json(compared.out);
  for (const auto& checkpoint : report["checkpoints"]) {
    ++verdicts[checkpoint["verdict"]];
  }
  EXPECT_EQ(verdicts, (std::map<std::string, int>{{"PASS", 3}, {"MISSING", 6}}));
}

TEST_F(Generate, FromTheNoiseOfADiffusersRunDrawsItsPicture) {
  const auto reference = testing::fixture("demo/ref");
  const auto expected = read_png(reference / "image.png");
  ASSERT_EQ(
      generate({"--prompt",
                "red apple",
                "--latents",
                reference.string() + "#latents_initial",
                "--inject",
                "latents_packed=" + reference.string(),
                "--output",
                "a.png"})
          .code,
      0);
  const auto got = read_png(path("a.png"));
  ASSERT_EQ(got.rgb.size(), expected.rgb.size());
  for (size_t i = 0; i < got.rgb.size(); ++i) {
    ASSERT_LE(std::abs(got.rgb[i] - expected.rgb[i]), 1) << i;
  }
  const auto info = parse_json(run({"info", "a.png", "--json"}).out)["metadata"];
  EXPECT_TRUE(info["seed"].is_null());
  EXPECT_EQ(info["latents"], "ref#latents_initial");
  EXPECT_EQ(info["inject"], Json::array({"latents_packed=ref#latents_packed"}));
}

TEST_F(Generate, FromAPictureAndWithReferences) {
  ASSERT_EQ(generate({"--prompt", "red apple", "--seed", "1", "--output", "a.png"}).code, 0);
  const auto drawn = [&](Words flags) {
    flags.insert(flags.end(), {"--prompt", "green apple", "--seed", "1", "--quiet"});
    const auto result = generate(flags);
    EXPECT_EQ(result.code, 0) << result.err;
    return read_png(path(result.out.substr(0, result.out.size() - 1)));
  };
  const auto plain = drawn({});
  EXPECT_EQ(drawn({"--image", "a.png:1"}).rgb, plain.rgb); // 1 ignores the picture
  EXPECT_LT(psnr(plain, drawn({"--image", "a.png:0.6"})), std::numeric_limits<double>::infinity());
  EXPECT_NE(drawn({"--reference", "a.png"}).rgb, plain.rgb);
  EXPECT_NE(drawn({"--reference", "a.png", "--reference", "a.png"}).rgb, plain.rgb);
}

TEST_F(Generate, Bfloat16IsCloseToFloat32) {
  const Words flags{"--prompt", "red apple", "--seed", "1", "--quiet"};
  ASSERT_EQ(generate(flags).code, 0);
  auto half = flags;
  half.insert(half.end(), {"--dtype", "bfloat16"});
  ASSERT_EQ(generate(half).code, 0);
  const double likeness = psnr(read_png(path("red_apple.png")), read_png(path("red_apple_1.png")));
  EXPECT_GT(likeness, 25);
  EXPECT_LT(likeness, 80);
}

/// `mflux generate` of many steps; interrupted when it tells of its second step.
class Interrupted {
 public:
  Interrupted(const fs::path& folder, int times, const char* side) {
    int ends[2];
    if (pipe(ends) != 0) {
      throw std::runtime_error("no pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGINT, SIG_DFL);
      dup2(ends[1], STDERR_FILENO);
      dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      if (chdir(folder.c_str()) == 0) {
        execl(
            MFLUX_BINARY,
            "mflux",
            "generate",
            "--prompt",
            "tree",
            "--steps",
            "2000",
            "--width",
            side,
            "--height",
            side,
            "--capture",
            "dump",
            nullptr);
      }
      _exit(99);
    }
    close(ends[1]);
    char part[4096];
    bool is_sent = false;
    for (ssize_t size; (size = read(ends[0], part, sizeof part)) > 0;) {
      text.append(part, static_cast<size_t>(size));
      if (!is_sent && text.find("step 2/2000") != std::string::npos) {
        usleep(100'000); // until the third is under way
        for (int i = 0; i < times; ++i) {
          kill(child, SIGINT);
          usleep(20'000); // two equal signals at once are one
        }
        is_sent = true;
      }
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string text;
  int code = 0;
};

TEST_F(Generate, AnInterruptStopsBetweenSteps) {
  const Interrupted once(folder.path(), 1, "128");
  EXPECT_EQ(once.code, 130);
  EXPECT_THAT(once.text, HasSubstr("mflux: interrupted after 0 of 1 pictures\n"));
  EXPECT_EQ(files(), Words{});
}

TEST_F(Generate, ASecondInterruptEndsAtOnce) {
  const Interrupted twice(folder.path(), 2, "384"); // steps that outlast both signals
  EXPECT_EQ(twice.code, 130);
  EXPECT_THAT(twice.text, ::testing::Not(HasSubstr("interrupted after")));
  EXPECT_EQ(files(), Words{});
}

} // namespace
} // namespace mflux
