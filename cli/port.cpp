#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "cli/capture_flags.h"
#include "cli/command.h"
#include "cli/device.h"
#include "cli/find_model.h"
#include "cli/port_commands.h"
#include "cli/port_flags.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/capture/tensors.h"
#include "mflux/image/png.h"
#include "mflux/image/psnr.h"
#include "mflux/models/registry.h"
#include "mflux/pipelines/image_array.h"

namespace mflux::cli {
namespace {

/// What a run made, and how it is told.
struct Outcome {
  std::vector<artifacts::NamedTensor> outputs;
  std::optional<Image> picture;
  std::optional<double> psnr;
  size_t checkpoints = 0;
  double seconds = 0;
};

RunObserver make_observer(const PortRun& run, const capture::Inputs* inputs) {
  capture::RunFacts facts{.device = device_name(), .compute_dtype = run.dtype};
  if (inputs) {
    facts.run = inputs->run();
  }
  return {run.capture, std::move(facts)};
}

Outcome compute(const PortRun& run, const models::Component& component) {
  std::optional<capture::Inputs> inputs;
  if (!component.starts_from_pixels) {
    inputs.emplace(run.inputs);
  }
  auto observer = make_observer(run, inputs ? &*inputs : nullptr);
  models::PortRequest request{
      .model = find_model(run.model),
      .inputs = inputs ? &*inputs : nullptr,
      .wants_picture = component.starts_from_pixels || !run.image.empty(),
      .dtype = run.dtype == "bfloat16" ? mx::bfloat16 : mx::float32,
      .observer = observer.get()};
  if (component.starts_from_pixels) {
    request.image = read_png(run.image);
  }

  const auto start = std::chrono::steady_clock::now();
  const auto result = component.run(request);
  Outcome outcome;
  for (const auto& [name, array] : result.outputs) {
    outcome.outputs.push_back({name, capture::to_tensor(array)});
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (request.wants_picture) {
    outcome.picture = to_image(*result.picture);
  }
  if (request.image) {
    outcome.psnr = psnr(*request.image, *outcome.picture);
  }
  observer.finish();
  outcome.checkpoints = observer.checkpoints();
  return outcome;
}

/// Where the picture goes: a component that starts from pixels reads --image and writes --output.
std::filesystem::path picture_file(const PortRun& run, const models::Component& component) {
  return component.starts_from_pixels ? run.output : run.image;
}

void write_files(const PortRun& run, const models::Component& component, const Outcome& outcome) {
  if (const auto file = picture_file(run, component); !file.empty()) {
    write_png(file, *outcome.picture);
  }
  if (run.output.extension() == ".npz") {
    artifacts::write_npz(run.output, outcome.outputs);
  } else if (run.output.extension() == ".safetensors") {
    artifacts::write_safetensors(run.output, outcome.outputs);
  }
}

Json to_json(const PortRun& run, const models::Component& component, const Outcome& outcome) {
  Json outputs = Json::array();
  for (const auto& [name, tensor] : outcome.outputs) {
    outputs.push_back(
        {{"name", name}, {"shape", tensor.shape}, {"dtype", artifacts::name_of(tensor.dtype)}});
  }
  const auto picture = picture_file(run, component);
  Json out{
      {"schema", 1},
      {"model", run.port},
      {"component", run.component},
      {"device", device_name()},
      {"dtype", run.dtype},
      {"seconds", outcome.seconds},
      {"outputs", outputs},
      {"image", picture.empty() ? Json(nullptr) : Json(picture.string())},
      {"capture", run.capture.folder.empty() ? Json(nullptr) : Json(run.capture.folder.string())},
      {"checkpoints", outcome.checkpoints}};
  if (outcome.psnr) {
    out["psnr"] = std::isfinite(*outcome.psnr) ? Json(*outcome.psnr) : Json("infinite");
  }
  return out;
}

void print_text(const PortRun& run, const models::Component& component, const Outcome& outcome) {
  fmt::print(
      "{} {} in {} on the {}: {:.2f} s\n",
      run.port,
      run.component,
      run.dtype,
      device_name(),
      outcome.seconds);
  for (const auto& [name, tensor] : outcome.outputs) {
    fmt::print("  {} {}\n", printable(name), artifacts::to_string(tensor.shape));
  }
  if (outcome.psnr) {
    fmt::print("PSNR {:.2f} dB\n", *outcome.psnr);
  }
  if (const auto file = picture_file(run, component); !file.empty()) {
    fmt::print(
        "picture {} ({} × {})\n",
        printable(file.string()),
        outcome.picture->width,
        outcome.picture->height);
  }
  if (!run.capture.folder.empty()) {
    fmt::print(
        "capture {} ({} checkpoints)\n",
        printable(run.capture.folder.string()),
        outcome.checkpoints);
  }
}

Exit run_component(const Session& session, const PortRun& run) {
  const auto& component = models::find_component(models::find_port(run.port), run.component);
  check_flags(run, component);
  choose_device(session);
  const Outcome outcome = compute(run, component);
  write_files(run, component, outcome);
  if (session.json) {
    // Paths may hold any bytes.
    fmt::print(
        "{}\n",
        to_json(run, component, outcome).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(run, component, outcome);
  }
  return kSuccess;
}

std::string component_help() {
  std::string text;
  for (const auto& port : models::ports()) {
    for (const auto& component : port.components) {
      text += fmt::format("  {} {:16}{}\n", port.name, component.name, component.inputs);
    }
  }
  return "Components:\n" + text;
}

void add_port_run(CLI::App& port, Session& session) {
  auto* command = port.add_subcommand(
      "run", "Run one component of a checkpoint on tensors of a dump, in the reference's names");
  auto run = std::make_shared<PortRun>();
  command->add_option("MODEL", run->port, "Model family, such as flux2-klein")->required();
  command->add_option("COMPONENT", run->component, "Such as vae.decode")->required();
  command
      ->add_option("--model", run->model, "Folder in diffusers' layout, or a bundled model's name")
      ->required();
  command->add_option("--inputs", run->inputs, "A dump's folder, or a .safetensors, .npz or .npy");
  add_capture_flags(*command, run->capture);
  command->add_option(
      "--image", run->image, "PNG to write the picture to; vae.roundtrip reads it instead");
  command->add_option(
      "--output",
      run->output,
      "File for the outputs (.safetensors or .npz); of vae.roundtrip the PNG to write");
  command->add_option("--dtype", run->dtype, "Type of weights and activations")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  command->footer(
      component_help() +
      "Example:\n  mflux port run flux2-klein vae.decode --model models/emoji --inputs ref/ "
      "--capture mlx/ --image out.png");
  command->callback(
      [&session, run] { session.work = [&session, run] { return run_component(session, *run); }; });
}

} // namespace

void add_port(CLI::App& app, Session& session) {
  auto* port = app.add_subcommand("port", "Prove a port component by component");
  port->require_subcommand(1);
  port->footer(
      "Example: mflux port run flux2-klein vae.roundtrip --model emoji --image in.png --output "
      "out.png");
  add_port_run(*port, session);
  add_port_status(*port, session);
  add_port_record(*port, session);
}

} // namespace mflux::cli
