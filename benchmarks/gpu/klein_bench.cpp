// klein_bench MODEL SIDE REPEATS PART…: times the parts of FLUX.2-klein in MODEL for pictures of
// SIDE × SIDE pixels, in bfloat16 on MLX's default device. PARTs: text, step, loop, floor, decode,
// encode, picture, operations; PART@SECONDS rests so long before each call, which lets the card
// cool. Prints one line of JSON for each: the seconds of its first call (weights are read, kernels
// loaded), the milliseconds of each later one and when it started. speed.py and kernel_times.py
// call it.
#include "klein_bench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/models/flux2/components.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/models/flux2/pipeline.h"
#include "mflux/nn/attention.h"
#include "mflux/pipelines/denoise.h"

namespace mflux::benchmark {
namespace {

constexpr int kTextTokens = 512, kPixelsPerToken = 16, kSteps = 4;

mx::array normal(const mx::Shape& shape, mx::Dtype dtype = mx::bfloat16) {
  auto x = mx::astype(mx::random::normal(shape), dtype);
  x.eval();
  return x;
}

struct Bench {
  std::string folder;
  int side, repeats;
  double rest = 0;                     ///< seconds before each call
  int tokens = side / kPixelsPerToken; ///< along a side

  void text() const;
  void step() const;
  void loop() const;
  void floor() const;
  void decode() const;
  void encode() const;
  void picture() const;

  void time(const char* name, const std::function<void(int)>& run) const {
    const double first = timed([&] { run(0); }).done;
    std::vector<double> done, submitted;
    std::vector<int64_t> starts;
    for (int i = 1; i <= repeats; ++i) {
      std::this_thread::sleep_for(std::chrono::duration<double>(rest));
      const auto taken = timed([&] { run(i); });
      done.push_back(1000 * taken.done);
      submitted.push_back(1000 * taken.submitted);
      starts.push_back(taken.start);
    }
    fmt::print(
        "{{\"part\": \"{}\", \"first_s\": {:.3f}, \"ms\": [{:.3f}], \"submit_ms\": [{:.3f}], "
        "\"start_ns\": [{}], \"peak_gb\": {:.3f}}}\n",
        name,
        first,
        fmt::join(done, ", "),
        fmt::join(submitted, ", "),
        fmt::join(starts, ", "),
        static_cast<double>(mx::get_peak_memory()) / 1e9);
    std::fflush(stdout);
  }
  flux2::Flux2Transformer2DModel transformer() const {
    return flux2::load_transformer(folder + "/transformer", mx::bfloat16);
  }
};

flux2::TransformerInput random_input(const flux2::Flux2Transformer2DModel& model, int side) {
  const auto& config = model.config;
  return {
      .hidden_states = normal({1, side * side, config.in_channels}),
      .encoder_hidden_states = normal({1, kTextTokens, config.joint_attention_dim}),
      .timestep = mx::full({1}, 0.75f, mx::bfloat16),
      .img = model.pos_embed.prepare(flux2::image_ids(1, {.columns = side, .rows = side})),
      .txt = model.pos_embed.prepare(flux2::text_ids(1, kTextTokens))};
}

void Bench::step() const {
  const auto model = transformer();
  const auto input = random_input(model, tokens);
  time("step", [&](int) { mx::async_eval({model(input)}); });
}

void Bench::loop() const {
  const auto model = transformer();
  auto input = random_input(model, tokens);
  time("loop", [&](int) {
    auto latents = input.hidden_states;
    for (int i = 0; i < kSteps; ++i) {
      auto now = input;
      now.hidden_states = latents;
      latents = pipelines::euler_step(latents, model(now), -1.0 / kSteps);
      mx::async_eval({latents});
    }
  });
}

/// The matrix products and attentions of a step alone, with its weights: what no fusion can save.
void Bench::floor() const {
  const auto model = transformer();
  const auto& c = model.config;
  const int dim = c.dim(), image = tokens * tokens, all = image + kTextTokens;
  const auto x = normal({1, all, dim}), image_x = normal({1, image, dim});
  const auto text_x = normal({1, kTextTokens, dim});
  const auto joined = normal({1, all, dim + c.mlp_dim()});
  const auto image_h = normal({1, image, c.mlp_dim()}),
             text_h = normal({1, kTextTokens, c.mlp_dim()});
  const auto heads = normal({1, all, c.num_attention_heads, c.attention_head_dim});
  time("floor", [&](int) {
    const auto hand_over = [&](const mx::array& y) { mx::async_eval({y}); };
    for (const auto& block : model.transformer_blocks) {
      hand_over(nn::linear(image_x, *block.attn.to_qkv));
      hand_over(nn::linear(text_x, *block.attn.add_qkv));
      hand_over(nn::attend_heads(heads, heads, heads));
      hand_over(block.attn.to_out(image_x));
      hand_over(block.attn.to_add_out(text_x));
      hand_over(block.ff.linear_in(image_x));
      hand_over(block.ff.linear_out(image_h));
      hand_over(block.ff_context.linear_in(text_x));
      hand_over(block.ff_context.linear_out(text_h));
    }
    for (const auto& block : model.single_transformer_blocks) {
      hand_over(block.attn.to_qkv_mlp_proj(x));
      hand_over(nn::attend_heads(heads, heads, heads));
      hand_over(block.attn.to_out(joined));
    }
  });
}

void Bench::text() const {
  const auto encoder =
      qwen3::load_text_encoder(folder + "/text_encoder", mx::bfloat16, {9, 18, 27});
  const auto all = encoder.config.vocab_size;
  time("text", [&](int i) {
    const auto ids = mx::random::randint(0, all, {1, kTextTokens}, mx::int64, mx::random::key(i));
    const auto valid = mx::less(mx::arange(kTextTokens), mx::array(100 + i));
    mx::async_eval({encoder(
        {.input_ids = ids, .attention_mask = mx::reshape(mx::astype(valid, mx::int64), {1, -1})})});
  });
}

void Bench::decode() const {
  const auto vae = flux2::load_autoencoder(folder + "/vae", mx::bfloat16);
  const auto latents = normal({1, 2 * tokens, 2 * tokens, vae.config.latent_channels});
  time("decode", [&](int) { mx::async_eval({vae.decode(latents)}); });
}

void Bench::encode() const {
  const auto vae = flux2::load_autoencoder(folder + "/vae", mx::bfloat16);
  const auto image = normal({1, side, side, 3});
  time("encode", [&](int) { mx::async_eval({vae.encode(image)}); });
}

void Bench::picture() const {
  flux2::Flux2KleinPipeline pipeline(folder, mx::bfloat16);
  time("picture", [&](int i) {
    // Another prompt each time: its embeddings are kept.
    const auto image = pipeline.generate(
        {.prompt = fmt::format("a red balloon over the sea, number {}", i),
         .width = side,
         .height = side,
         .steps = kSteps,
         .seed = static_cast<uint64_t>(i)},
        {});
    if (image.rgb.size() != size_t{3} * side * side) {
      throw Error("the picture has another size than was asked for");
    }
  });
}

void run(int argc, char** argv) {
  Bench bench{argv[1], std::stoi(argv[2]), std::stoi(argv[3])};
  const std::map<std::string, std::function<void()>> parts{
      {"text", [&] { bench.text(); }},
      {"step", [&] { bench.step(); }},
      {"loop", [&] { bench.loop(); }},
      {"floor", [&] { bench.floor(); }},
      {"decode", [&] { bench.decode(); }},
      {"encode", [&] { bench.encode(); }},
      {"picture", [&] { bench.picture(); }},
      {"operations", [] { time_operations(); }}};
  for (int i = 4; i < argc; ++i) {
    const std::string word = argv[i], name = word.substr(0, word.find('@'));
    const auto part = parts.find(name);
    if (part == parts.end()) {
      throw Error(fmt::format("no part is called \"{}\"", name));
    }
    bench.rest = name == word ? 0 : std::stod(word.substr(name.size() + 1));
    mx::reset_peak_memory();
    part->second();
    mx::clear_cache();
  }
}

} // namespace
} // namespace mflux::benchmark

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: klein_bench MODEL SIDE REPEATS PART…\n");
    return 2;
  }
  try {
    mflux::benchmark::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "klein_bench: {}\n", mflux::one_line(error));
    return 2;
  }
  return 0;
}
