#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/option_checks.h"
#include "cli/output_names.h"
#include "cli/parity_commands.h"
#include "cli/split_name.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/text_table.h"
#include "mflux/image/png.h"
#include "mflux/parity/images/find_picture.h"
#include "mflux/parity/images/flip.h"
#include "mflux/parity/images/heat.h"
#include "mflux/parity/images/judge.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/places.h"

namespace mflux::cli {
namespace {

using artifacts::PictureKind;
using parity::FoundPicture;
using parity::Picture;

struct ImageFlags {
  std::string first, second, ref32, out, heat;
  std::optional<int> batch;
  double gain = 1, max_ratio = parity::kMaxRatio;
  std::optional<double> levels;
};

struct Sides {
  FoundPicture ref, port;
  std::optional<FoundPicture> ref32;
};

FoundPicture find(const std::string& text) {
  const auto [path, name] = split_name(text);
  return parity::find_picture(path, name);
}

Sides find_sides(const ImageFlags& flags) {
  if (!flags.second.empty()) {
    Sides sides{find(flags.first), find(flags.second), {}};
    if (!flags.ref32.empty()) {
      sides.ref32 = find(flags.ref32);
    }
    return sides;
  }
  parity::CompareOptions run;
  run.ref = flags.first;
  const auto places = parity::locate(run);
  Sides sides{find(places.ref.string()), find(places.port.string()), {}};
  if (!flags.ref32.empty() || places.ref32) {
    sides.ref32 = find(flags.ref32.empty() ? places.ref32->string() : flags.ref32);
  }
  return sides;
}

/// All floating sides hold the same range: [-1, 1] when one of them has a negative number.
parity::FloatRange range_of(const Sides& sides) {
  for (const auto* side : {&sides.ref, &sides.port, sides.ref32 ? &*sides.ref32 : nullptr}) {
    if (side && parity::range_of(side->tensor) == parity::FloatRange::symmetric) {
      return parity::FloatRange::symmetric;
    }
  }
  return parity::FloatRange::unit;
}

struct Result {
  parity::PictureMetrics metrics;
  std::optional<parity::PictureMetrics> own, port32;
  parity::Verdict verdict = parity::Verdict::fail;
  std::string rule;
  std::vector<std::string> written;
};

void judge(Result& result, const Sides& sides, const ImageFlags& flags) {
  const bool is_lossy =
      sides.ref.kind == PictureKind::lossy || sides.port.kind == PictureKind::lossy;
  const auto decision = parity::decide(result.metrics, is_lossy, flags.levels);
  result.verdict = decision.passes ? parity::Verdict::pass : parity::Verdict::fail;
  result.rule = decision.rule;
  if (!decision.passes && result.own && result.own->max_levels > 0) {
    const auto three_way = parity::decide_against(*result.own, *result.port32, flags.max_ratio);
    result.verdict = three_way.verdict;
    result.rule = three_way.rule;
  }
}

std::vector<std::string> write_pictures(
    const ImageFlags& flags, const Picture& ref, const Picture& port) {
  if (flags.out.empty() && flags.heat.empty()) {
    return {};
  }
  auto map = parity::flip_map(parity::without_alpha(ref), parity::without_alpha(port));
  for (float& value : map) {
    value *= static_cast<float>(flags.gain);
  }
  const Image heat = parity::heat_map(map, ref.width, ref.height);
  const std::string label = flags.gain == 1 ? "FLIP" : fmt::format("FLIP × {:g}", flags.gain);
  std::vector<std::string> written;
  const auto write = [&](const std::string& path, const Image& image, const std::string& what) {
    if (!path.empty()) {
      const auto file = write_new_file(path, encode_png(image, {{"Description", what}}));
      written.push_back(fmt::format("{}: {}", file.string(), what));
    }
  };
  write(
      flags.out,
      parity::side_by_side({parity::to_rgb(ref), parity::to_rgb(port), heat}),
      fmt::format("reference | port | {} (black: alike, yellow: unlike)", label));
  write(flags.heat, heat, fmt::format("{} (black: alike, yellow: unlike)", label));
  return written;
}

void print(const Result& result, const Sides& sides, const Picture& picture, bool json) {
  if (json) {
    Json out{
        {"schema", 1},
        {"verdict", name_of(result.verdict)},
        {"rule", result.rule},
        {"ref", sides.ref.where},
        {"port", sides.port.where},
        {"width", picture.width},
        {"height", picture.height},
        {"channels", picture.channels},
        {"picture", parity::to_json(result.metrics)},
        {"ref_against_ref32", result.own ? parity::to_json(*result.own) : Json(nullptr)},
        {"port_against_ref32", result.port32 ? parity::to_json(*result.port32) : Json(nullptr)},
        {"written", result.written}};
    fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print(
      "reference {}\nport      {}\n{} × {} pixels, {} channels\n",
      printable(sides.ref.where),
      printable(sides.port.where),
      picture.width,
      picture.height,
      picture.channels);
  fmt::print("{}\n", describe(result.metrics));
  if (result.own) {
    fmt::print("reference against ref32: {}\n", describe(*result.own));
    fmt::print("port against ref32: {}\n", describe(*result.port32));
  }
  for (const auto& line : result.written) {
    fmt::print("{}\n", line);
  }
}

void expect_png(const std::string& path) {
  if (!path.empty() && std::filesystem::path(path).extension() != ".png") {
    throw Error(fmt::format("{}: a PNG is written, expected a name that ends in .png", path));
  }
}

Exit run_image(const ImageFlags& flags, const Session& session) {
  expect_png(flags.out);
  expect_png(flags.heat);
  const Sides sides = find_sides(flags);
  const auto range = range_of(sides);
  const auto picture_of = [&](const FoundPicture& found) {
    return with_context(found.where, [&] {
      const auto& shape = found.tensor.shape;
      if (!flags.batch && shape.size() == 4 && shape[0] > 1) {
        throw Error(fmt::format(
            "holds {} pictures: say which with --batch 0 to {}", shape[0], shape[0] - 1));
      }
      return parity::picture_of(found.tensor, range, flags.batch.value_or(0));
    });
  };
  const Picture ref = picture_of(sides.ref), port = picture_of(sides.port);
  Result result;
  result.metrics = parity::measure_pictures(ref, port);
  if (sides.ref32) {
    const Picture ref32 = picture_of(*sides.ref32);
    result.own = with_context("ref32", [&] { return parity::measure_pictures(ref, ref32); });
    result.port32 = parity::measure_pictures(port, ref32);
  }
  judge(result, sides, flags);
  result.written = write_pictures(flags, ref, port);
  print(result, sides, ref, session.json);
  const bool passes = result.verdict == parity::Verdict::pass;
  if (!session.json) {
    const auto colour = passes ? Colour::green : Colour::red;
    fmt::print(
        "{}  {}\n",
        painted(std::string(name_of(result.verdict)), colour, session.color()),
        result.rule);
  }
  return passes ? kSuccess : kAnswerIsNo;
}

void add_flags(CLI::App& command, ImageFlags& flags) {
  command
      .add_option(
          "RUN_OR_REF",
          flags.first,
          "Run folder with ref/ and mlx/, or the reference's PNG, JPEG, dump or DUMP#CHECKPOINT")
      ->required();
  command.add_option("MLX", flags.second, "The port's");
  command.add_option("--ref32", flags.ref32, "The reference's in float32, instead of RUN/ref32");
  command.add_option("-o,--out", flags.out, "Write reference, port and heat map beside each other");
  command.add_option("--heat", flags.heat, "Write the heat map alone");
  command.add_option("--gain", flags.gain, "Make the heat map this many times brighter")
      ->check(above_zero());
  command
      .add_option(
          "--batch",
          flags.batch,
          "Which picture of a batch of tensors, from 0; needed where there are several")
      ->check(whole_or_zero());
  command
      .add_option("--levels", flags.levels, "How many of 255 levels a value may be off (default 1)")
      ->check(zero_or_more());
  command
      .add_option(
          "--max-ratio",
          flags.max_ratio,
          "With ref32: how many times the reference's own error the port's may be")
      ->capture_default_str()
      ->check(above_zero());
}

} // namespace

void add_parity_image(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<ImageFlags>();
  CLI::App* command = parity.add_subcommand(
      "image", "Compare two pictures: levels, PSNR, SSIM, FLIP, and a heat map of what differs");
  add_flags(*command, *flags);
  command->footer(
      "Example: mflux parity image debug_artifacts/demo --out side.png\n"
      "         mflux parity image ref.npz#decoded mlx.npz#decoded --gain 8 --heat map.png\n"
      "Files that are there are kept; the new one gets a number. Tensors: [B, 3, H, W] in [-1, 1] "
      "or\n"
      "[0, 1], or levels. Exit code: 0 alike, 1 not, 2 unreadable or of other sizes.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_image(*flags, session); };
  });
}

} // namespace mflux::cli
