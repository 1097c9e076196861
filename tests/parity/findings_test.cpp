// Mistakes of dumps planted in a copy of the demo's real run: Flux2KleinPipeline, four steps.
#include "mflux/parity/findings.h"

#include <fmt/format.h>

#include <functional>
#include <map>

#include "gmock/gmock.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/json.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"
#include "support/dumps.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using artifacts::Tensor;
using mflux::testing::normal;
using mflux::testing::TemporaryFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

namespace fs = std::filesystem;

const fs::path kFixtures = MFLUX_SOURCE_DIR "/tests/fixtures";

/// Tensors by name.
using Dumped = std::map<std::string, Tensor>;
using Edit = std::function<void(Dumped&)>;

Tensor with_noise(const Tensor& tensor, unsigned seed) {
  if (tensor.dtype != artifacts::Dtype::float32) {
    return tensor;
  }
  const auto count = static_cast<size_t>(tensor.count());
  std::vector<float> values(count);
  std::memcpy(values.data(), tensor.contiguous().data().data(), count * sizeof(float));
  const auto noise = normal(count, seed);
  for (size_t i = 0; i < count; ++i) {
    values[i] *= 1 + 1e-7f * noise[i];
  }
  return mflux::testing::floats(tensor.shape, values);
}

class Findings : public ::testing::Test {
 protected:
  /// A copy of the demo's dump after `edit`; of a port: with noise.
  void write_side(const fs::path& to, const Edit& edit, bool is_port) {
    const fs::path from = kFixtures / "demo" / "ref";
    fs::create_directories(to);
    fs::copy(from / "manifest.json", to / "manifest.json");
    fs::copy(from / "image.png", to / "image.png");
    Dumped all;
    std::map<std::string, std::vector<std::string>> files;
    unsigned seed = 0;
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.path().extension() != ".safetensors") {
        continue;
      }
      const auto artifact = artifacts::open_artifact(entry.path());
      for (size_t i = 0; i < artifact->tensors().size(); ++i) {
        const std::string& name = artifact->tensors()[i].name;
        files[entry.path().filename()].push_back(name);
        all[name] = artifact->load(i);
      }
    }
    if (is_port) {
      std::map<uint64_t, unsigned> seeds; // equal tensors stay equal
      for (auto& [name, tensor] : all) {
        tensor = with_noise(tensor, seeds.emplace(summarize(tensor, 1).hash, ++seed).first->second);
      }
    }
    edit(all);
    for (const auto& [file, names] : files) {
      std::vector<NamedTensor> tensors;
      for (const auto& name : names) {
        tensors.push_back({name, all.at(name)});
      }
      write_safetensors(to / file, tensors);
    }
  }

  Comparison compared(
      const Edit& port, const Edit& ref = [](Dumped&) {}) {
    write_side(folder / "ref", ref, false);
    write_side(folder / "mlx", port, true);
    return compare({folder / "ref", folder / "mlx", {}, kFixtures / "demo/ref/parity.toml", {}, 1});
  }

  /// "kind: text" of each.
  static std::vector<std::string> texts(const Comparison& comparison) {
    std::vector<std::string> out;
    for (const auto& finding : comparison.findings) {
      out.push_back(finding.kind + ": " + finding.text);
    }
    return out;
  }

  TemporaryFolder folder;
};

std::string step(const std::string& name, int k) {
  return fmt::format("{}@step={}", name, k);
}

TEST_F(Findings, ACleanPortHasNone) {
  const auto result = compared([](Dumped&) {});
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_THAT(texts(result), IsEmpty());
}

TEST_F(Findings, RunsWithABugOfTheirOwnHaveNone) {
  for (const char* run : {"clean", "leaf", "between", "outputs_only", "scheduler", "three_way"}) {
    EXPECT_THAT(texts(compare({kFixtures / "parity" / run, {}, {}, {}, {}, 1})), IsEmpty()) << run;
  }
}

TEST_F(Findings, StepsThatLag) {
  const auto result = compared([](Dumped& port) {
    for (int k = 4; k > 1; --k) {
      port[step("latents", k)] = port[step("latents", k - 1)];
    }
    port[step("latents", 1)] = port["latents_packed"];
  });
  EXPECT_THAT(
      texts(result),
      ElementsAre(
          "duplicate: the port's latents_packed equals its latents@step=1; the reference's does "
          "not",
          "step_shift: the port's steps lag by one: latents@step=k of the port is "
          "latents@step=k-1 of the reference for 3 of 3 steps"));
  EXPECT_THAT(result.findings[1].names, ElementsAre("latents"));
  EXPECT_EQ(result.verdict, Verdict::fail);
}

TEST_F(Findings, AWholeLoopThatIsOneAhead) {
  const auto result = compared([](Dumped& port) {
    const Dumped before = port;
    for (auto& [name, tensor] : port) {
      const size_t at = name.rfind("@step=");
      if (at != std::string::npos && name.back() != '4') {
        tensor = before.at(step(name.substr(0, at), name.back() - '0' + 1));
      }
    }
  });
  ASSERT_THAT(texts(result), Contains(StartsWith("step_shift: the port's steps are one ahead: ")));
  EXPECT_THAT(texts(result), Contains(HasSubstr("more checkpoints")));
  EXPECT_GT(result.findings.back().names.size() + result.findings.front().names.size(), 20u);
}

TEST_F(Findings, ALoopThatRunsBackwards) {
  const auto result = compared([](Dumped& port) {
    for (const char* name : {"latents", "timestep"}) {
      std::swap(port[step(name, 1)], port[step(name, 4)]);
      std::swap(port[step(name, 2)], port[step(name, 3)]);
    }
  });
  EXPECT_THAT(
      texts(result),
      ElementsAre("step_shift: the port's steps run backwards: timestep@step=k of the port is "
                  "timestep@step=last-k of the reference for 4 of 4 steps, and so in 1 more "
                  "checkpoints"));
}

TEST_F(Findings, AStepThatWasDumpedTwice) {
  const auto twice = [](Dumped& dump) { dump[step("latents", 3)] = dump[step("latents", 4)]; };
  EXPECT_THAT(
      texts(compared(twice)),
      ElementsAre(
          "duplicate: the port's step 3 equals step 4 in latents; the reference's does not"));
  fs::remove_all(folder / "ref");
  fs::remove_all(folder / "mlx");
  EXPECT_THAT(
      texts(compared([](Dumped&) {}, twice)),
      Contains("duplicate: the reference's step 3 equals step 4 in latents; the port's does not"));
  fs::remove_all(folder / "ref");
  fs::remove_all(folder / "mlx");
  EXPECT_THAT(texts(compared(twice, twice)), IsEmpty());
}

TEST_F(Findings, ADumpOfAnotherLayer) {
  const auto result = compared([](Dumped& port) {
    port["text_encoder.model.layers.2"] = with_noise(port["text_encoder.model.layers.3"], 99);
  });
  EXPECT_THAT(
      texts(result),
      Contains(StartsWith("duplicate: the port's text_encoder.model.layers.2 is the reference's "
                          "text_encoder.model.layers.3:")));
}

TEST_F(Findings, AStaleDump) {
  const auto result = compared([](Dumped& port) {
    auto& tensor = port["vae.decoder.mid_block.resnets.0"];
    tensor = mflux::testing::floats(tensor.shape, normal(static_cast<size_t>(tensor.count()), 7));
  });
  EXPECT_THAT(
      texts(result),
      ElementsAre(StartsWith("stale: vae.decoder.mid_block.resnets.0 is wrong, while what is "
                             "computed from it agrees (")));
  EXPECT_EQ(result.verdict, Verdict::fail);
  const Json json = parse_json(to_json(result));
  EXPECT_EQ(json["findings"][0]["kind"], "stale");
  EXPECT_EQ(json["findings"][0]["names"][0], "vae.decoder.mid_block.resnets.0");
  const std::string text = format_table(result, {});
  EXPECT_GT(text.find("Perhaps (stale): vae.decoder.mid_block"), text.find("First divergence"));
}

TEST_F(Findings, IdsThatDifferAreShown) {
  const auto result = compared([](Dumped& port) {
    Tensor& ids = port["input_ids"];
    std::vector<std::byte> bytes(ids.byte_count());
    std::memcpy(bytes.data(), ids.data().data(), bytes.size());
    bytes[8 * 3] ^= std::byte{1};
    bytes[8 * 5] ^= std::byte{2};
    ids = artifacts::make_tensor(ids.dtype, ids.shape, bytes);
  });
  const auto& row = *std::find_if(result.rows.begin(), result.rows.end(), [](const Row& r) {
    return r.ref->text == "input_ids";
  });
  const auto value = [&](const Dump& dump, const Checkpoint& checkpoint, int64_t i) {
    return static_cast<int64_t>(value_at(dump.load(checkpoint), i));
  };
  EXPECT_THAT(
      row.notes,
      Contains(fmt::format(
          "2 of {} differ: [0, 3] is {}, not {}; [0, 5] is {}, not {}",
          row.metrics->count,
          value(result.port, *row.port, 3),
          value(result.ref, *row.ref, 3),
          value(result.port, *row.port, 5),
          value(result.ref, *row.ref, 5))));
}

} // namespace
} // namespace mflux::parity
