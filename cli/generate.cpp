#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/find_model.h"
#include "cli/generate_flags.h"
#include "cli/generate_inputs.h"
#include "cli/output_names.h"
#include "cli/picture_metadata.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/split_name.h"
#include "cli/targets.h"
#include "mflux/base/error.h"
#include "mflux/base/log.h"
#include "mflux/models/registry.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

/// A request that was checked, and everything that is needed to draw it.
struct Job {
  const GenerateFlags& flags;
  Resolved resolved;
  pipelines::Request request;
  std::unique_ptr<pipelines::Pipeline> pipeline{};
  pipelines::Plan plan{};
  std::vector<uint64_t> seeds{};
  fs::path output{}; ///< before seeds and numbers are appended
  Json metadata{};
  double open_seconds = 0; ///< for configs and headers; weights are read when first used
};

/// One written picture.
struct Picture {
  fs::path path;
  std::optional<fs::path> sidecar;
  std::optional<uint64_t> seed; ///< none when the noise was given
  StageSeconds seconds;
};

uint64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<uint64_t>(usage.ru_maxrss);
#else
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
#endif
}

std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// "emoji", of "emoji" and of "models/emoji/".
std::string model_name(const fs::path& folder) {
  return plain_path(folder).filename().string();
}

fs::path output_of(const Job& job, uint64_t seed) {
  return job.seeds.size() > 1 ? with_seed(job.output, seed) : job.output;
}

std::vector<std::string> sidecar_extensions(const Job& job) {
  return job.flags.writes_sidecar ? std::vector<std::string>{".json"} : std::vector<std::string>{};
}

/// A PNG of noise is about as large as its pixels.
uint64_t largest_png(const pipelines::Plan& plan) {
  constexpr uint64_t kTexts = 64 << 10;
  return uint64_t{3} * static_cast<uint64_t>(plan.width) * static_cast<uint64_t>(plan.height) +
         kTexts;
}

Targets targets_of(const Job& job, const fs::path& model) {
  const auto& flags = job.flags;
  Targets targets{
      .read = {{"--model", model}},
      .files = {{"--output", job.output}},
      .capture = flags.capture.folder};
  for (const auto& injection : parse_injections(flags.capture)) {
    targets.read.push_back({"--inject", injection.file});
  }
  if (!flags.latents.empty()) {
    targets.read.push_back({"--latents", split_name(flags.latents).first});
  }
  return targets;
}

void check_outputs(const Job& job, const fs::path& model) {
  check_targets(targets_of(job, model));
  const PathFlag folders[] = {
      {"--stepwise-image-output-dir", job.flags.stepwise}, {"--capture", job.flags.capture.folder}};
  for (const auto& folder : folders) {
    if (!folder.path.empty()) {
      with_context(folder.text(), [&] { check_can_make_folder(folder.path); });
    }
  }
  // What --capture makes is not there yet.
  if (fs::is_directory(plain_path(job.output).parent_path())) {
    check_can_write(job.output, largest_png(job.plan));
  }
}

Job prepare(const Session& session, const GenerateFlags& flags) {
  check_generate_flags(flags);
  choose_device(session);
  const auto model = find_model(flags.model);
  const auto dtype = choose_dtype(flags.dtype, model);
  Job job{
      .flags = flags,
      .resolved = {model_name(model), name_of(dtype), device_name()},
      .request = read_request(flags)};
  job.seeds = seeds_of(flags);
  job.request.seed = job.seeds.front();
  const auto start = std::chrono::steady_clock::now();
  job.pipeline = models::open_pipeline(model, dtype);
  job.open_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  job.plan = job.pipeline->plan(job.request);
  job.output = flags.output.empty() ? fs::path(file_name_for(job.request.prompt)) : flags.output;
  job.metadata = metadata_of(flags, job.request, job.plan, job.resolved);
  check_outputs(job, model);
  return job;
}

std::string noise_of(const Job& job) {
  if (job.request.latents) {
    return "noise of " + job.metadata["latents"].get<std::string>();
  }
  return fmt::format(
      "{} {} (not torch's noise; see --latents)",
      job.seeds.size() > 1 ? "seeds" : "seed",
      fmt::join(job.seeds, ", "));
}

/// Long lists lose their middle.
std::string shortened(const std::vector<double>& numbers) {
  constexpr ptrdiff_t kMost = 12, kEnd = 4;
  if (std::ssize(numbers) <= kMost) {
    return fmt::format("{:.4g}", fmt::join(numbers, ", "));
  }
  return fmt::format(
      "{:.4g}, …, {:.4g}",
      fmt::join(numbers.begin(), numbers.begin() + kEnd, ", "),
      fmt::join(numbers.end() - kEnd, numbers.end(), ", "));
}

void print_plan(const Job& job) {
  const auto& plan = job.plan;
  fmt::print(
      "{} in {} on the {}: {} × {}, {} steps, guidance {}, {}\n",
      printable(job.resolved.model),
      job.resolved.dtype,
      job.resolved.device,
      plan.width,
      plan.height,
      plan.sigmas.size() - 1,
      plan.guidance,
      printable(noise_of(job)));
  fmt::print("sigmas {}\n", shortened(plan.sigmas));
  std::fflush(stdout);
}

RunObserver make_observer(const Job& job) {
  Json run = job.metadata;
  run.erase("schema");
  run.erase("seed");
  return {
      job.flags.capture,
      {.run = run,
       .device = job.resolved.device,
       .compute_dtype = job.resolved.dtype,
       .seed = job.request.latents ? Json(nullptr) : Json(job.request.seed)}};
}

/// Writes the picture after a step.
void write_preview(const Job& job, int step, const Image& image) {
  fs::create_directories(job.flags.stepwise);
  auto name = output_of(job, job.request.seed).stem();
  name += fmt::format("_step_{:02}.png", step);
  write_new_file(job.flags.stepwise / name, encode_png(image));
}

Picture draw(const Session& session, Job& job, const PoliteInterrupt& interrupt) {
  ProgressReport report(
      job.request.latents ? "picture" : fmt::format("seed {}", job.request.seed), session.quiet);
  auto observer = make_observer(job);
  pipelines::Callbacks callbacks{
      .progress = [&](const pipelines::Progress& progress) { report.tell(progress); },
      .is_cancelled = [&] { return interrupt.is_wanted(); },
      .observer = observer.get()};
  if (!job.flags.stepwise.empty()) {
    callbacks.preview = [&](int step, const Image& image) { write_preview(job, step, image); };
  }
  const Image image = job.pipeline->generate(job.request, callbacks);
  if (interrupt.is_wanted()) {
    throw pipelines::Cancelled{};
  }
  observer.finish();
  Json metadata = job.metadata;
  Picture picture{.path = {}, .sidecar = {}, .seed = {}, .seconds = report.seconds()};
  if (!job.request.latents) {
    picture.seed = job.request.seed;
    metadata["seed"] = job.request.seed;
  }
  picture.path = write_new_file(
      output_of(job, job.request.seed),
      encode_png(image, texts_of(metadata)),
      sidecar_extensions(job));
  if (job.flags.writes_sidecar) {
    picture.sidecar = fs::path(picture.path).replace_extension(".json");
    write_new_file(*picture.sidecar, dump(metadata, 1) + "\n");
  }
  return picture;
}

double total(const StageSeconds& seconds) {
  return seconds.encode + seconds.denoise + seconds.decode;
}

void print_picture(const Session& session, const Picture& picture) {
  if (session.quiet) {
    fmt::print("{}\n", printable(picture.path.string()));
  } else {
    fmt::print(
        "picture {} ({})\n", printable(picture.path.string()), duration(total(picture.seconds)));
  }
  std::fflush(stdout);
}

Json to_json(const Picture& picture) {
  const auto& seconds = picture.seconds;
  return {
      {"path", picture.path.string()},
      {"metadata", picture.sidecar ? Json(picture.sidecar->string()) : Json(nullptr)},
      {"seed", picture.seed ? Json(*picture.seed) : Json(nullptr)},
      {"seconds",
       {{"encode", seconds.encode},
        {"denoise", seconds.denoise},
        {"decode", seconds.decode},
        {"total", total(seconds)}}}};
}

void print_json(const Job& job, const std::vector<Picture>& pictures) {
  Json out = job.metadata;
  out.erase("seed");
  out["remarks"] = job.plan.remarks;
  out["capture"] =
      job.flags.capture.folder.empty() ? Json(nullptr) : Json(job.flags.capture.folder.string());
  out["open_seconds"] = job.open_seconds;
  out["peak_memory_bytes"] = peak_memory();
  out["peak_array_bytes"] = mx::get_peak_memory();
  out["outputs"] = Json::array();
  for (const auto& picture : pictures) {
    out["outputs"].push_back(to_json(picture));
  }
  fmt::print("{}\n", dump(out));
}

/// The pictures that were finished; fewer than seeds when interrupted.
std::vector<Picture> draw_all(const Session& session, Job& job) {
  const PoliteInterrupt interrupt;
  std::vector<Picture> pictures;
  for (const uint64_t seed : job.seeds) {
    job.request.seed = seed;
    try {
      pictures.push_back(draw(session, job, interrupt));
    } catch (const pipelines::Cancelled&) {
      break;
    }
    if (!session.json) {
      print_picture(session, pictures.back());
    }
  }
  return pictures;
}

Exit generate(const Session& session, const GenerateFlags& flags) {
  Job job = prepare(session, flags);
  for (const auto& remark : job.plan.remarks) {
    log(LogLevel::warning, remark);
  }
  if (!session.quiet && !session.json) {
    print_plan(job);
  }
  const auto pictures = draw_all(session, job);
  if (pictures.size() < job.seeds.size()) {
    log(LogLevel::warning,
        fmt::format("interrupted after {} of {} pictures", pictures.size(), job.seeds.size()));
    return kInterrupted;
  }
  if (session.json) {
    print_json(job, pictures);
  }
  return kSuccess;
}

} // namespace

void add_generate(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("generate", "Draw a picture from a prompt");
  auto flags = std::make_shared<GenerateFlags>();
  add_generate_flags(*command, *flags, session);
  command->footer(
      "Sizes, steps, guidance and token limit that are not given come from the model's files.\n"
      "An interrupt (Ctrl-C) stops after the step under way; a second one at once.\n"
      "MFLUX_FUSED=off or on chooses by hand whether operations are joined (auto: on NVIDIA "
      "GPUs).\n"
      "Examples:\n"
      "  mflux generate --prompt \"a red apple\"\n"
      "  mflux generate --prompt \"a green apple\" --image apple.png:0.6 --seed 1 2 3\n"
      "  mflux generate --prompt \"an apple on a table\" --reference apple.jpg --output table.png");
  command->callback([&session, flags] {
    session.work = [&session, flags] { return generate(session, *flags); };
  });
}

} // namespace mflux::cli
