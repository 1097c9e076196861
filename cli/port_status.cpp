#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/port_commands.h"
#include "mflux/base/error.h"
#include "mflux/models/registry.h"
#include "mflux/ports/checkout.h"
#include "mflux/ports/status_output.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

struct StatusFlags {
  fs::path checkout = ".";
  bool check = false;
};

struct RecordFlags {
  fs::path checkout = ".", folder;
  std::string commit;
};

Exit show_status(const Session& session, const StatusFlags& flags) {
  std::vector<std::string> registered;
  for (const auto& port : models::ports()) {
    registered.emplace_back(port.name);
  }
  const auto status = ports::status_of(ports::find_checkout(flags.checkout), registered);
  if (session.json) {
    fmt::print("{}\n", ports::to_json(status).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}", ports::to_text(status));
  }
  return flags.check && !status.all_problems().empty() ? kAnswerIsNo : kSuccess;
}

Exit record(const Session& session, const RecordFlags& flags) {
  const auto done = ports::record(ports::find_checkout(flags.checkout), flags.folder, flags.commit);
  if (session.json) {
    Json files = Json::array();
    for (const auto& file : done.files) {
      files.push_back(file.string());
    }
    const Json out{
        {"schema", 1},
        {"measurements", done.measurements},
        {"files", files},
        {"unclaimed", done.unclaimed}};
    fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
    return kSuccess;
  }
  fmt::print("{} measurements\n", done.measurements);
  for (const auto& file : done.files) {
    fmt::print("  {}\n", printable(file.string()));
  }
  for (const auto& test : done.unclaimed) {
    fmt::print("  no port.toml names {}\n", printable(test));
  }
  return kSuccess;
}

constexpr const char* kStates =
    "States, each proven by records of mflux/models/*/results that tests and benchmarks wrote:\n"
    "  declared   port.toml names it; nothing is proven\n"
    "  loads      its parameters are the published model's, name by name and shape by shape\n"
    "  matches    every checkpoint is the reference's, within port.toml's tolerance\n"
    "  locked     and a committed fixture holds it to that\n"
    "  optimised  and it meets port.toml's target of speed\n"
    "A record covers the sources that port.toml's `code` names, all that these include, its test\n"
    "and its dump. When one of them changes it proves nothing; ./dev record measures again.\n"
    "--check exits with 1 when a record failed or is older than the code it covers, when a port\n"
    "and its port.toml do not fit, or when a model's code reads tensors from a dump.\n"
    "Example: mflux port status --check";

} // namespace

void add_port_status(CLI::App& port, Session& session) {
  auto* command = port.add_subcommand("status", "What is proven of every port, from records");
  auto flags = std::make_shared<StatusFlags>();
  command->add_flag("--check", flags->check, "Exit with 1 unless every record is of today's code");
  command->add_option("--checkout", flags->checkout, "A checkout of mflux.cpp, or a folder in it");
  command->footer(kStates);
  command->callback([&session, flags] {
    session.work = [&session, flags] { return show_status(session, *flags); };
  });
}

void add_port_record(CLI::App& port, Session& session) {
  auto* command =
      port.add_subcommand("record", "Keep what tests measured as results of their ports");
  auto flags = std::make_shared<RecordFlags>();
  command->add_option("FOLDER", flags->folder, "What tests wrote while MFLUX_RECORD named it")
      ->required();
  command->add_option("--commit", flags->commit, "The commit that was measured")->required();
  command->add_option("--checkout", flags->checkout, "A checkout of mflux.cpp, or a folder in it");
  command->footer(
      "./dev record builds, runs the tests and calls this.\n"
      "Example: MFLUX_RECORD=measured ctest --preset release -L parity\n"
      "         mflux port record measured --commit $(git rev-parse --short HEAD)");
  command->callback(
      [&session, flags] { session.work = [&session, flags] { return record(session, *flags); }; });
}

} // namespace mflux::cli
