#include <fmt/format.h>

#include <memory>

#include "cli/option_checks.h"
#include "cli/parity_commands.h"
#include "mflux/base/json.h"
#include "mflux/parity/lock/lock.h"
#include "mflux/parity/runs/runs.h"

namespace mflux::cli {
namespace {

struct LockFlags {
  std::string run, to, name, test = "both";
  std::vector<std::string> only;
  uint64_t max_bytes = parity::LockOptions().max_bytes;
  uint64_t max_total = parity::LockOptions().max_total;
  bool update = false;
  int threads = 0;
};

parity::Stubs stubs_of(const std::string& test) {
  return test == "gtest"    ? parity::Stubs::gtest
         : test == "pytest" ? parity::Stubs::pytest
         : test == "none"   ? parity::Stubs::none
                            : parity::Stubs::both;
}

void print(const parity::Locked& locked, const Session& session) {
  if (session.json) {
    const Json out{
        {"schema", 1},
        {"fixture", locked.fixture.string()},
        {"checkpoints", locked.checkpoints},
        {"cropped", locked.cropped},
        {"bytes", locked.bytes},
        {"worst", {{"name", locked.worst}, {"rel_l2", locked.worst_rel_l2}}}};
    fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print(
      "{}: {} checkpoints ({} cropped), {}; worst rel_l2 of the port {:.2e} at {}\n",
      printable(locked.fixture.string()),
      locked.checkpoints,
      locked.cropped,
      parity::size_text(locked.bytes),
      locked.worst_rel_l2,
      printable(locked.worst));
}

Exit run_lock(const LockFlags& flags, const Session& session) {
  parity::LockOptions options;
  options.run = flags.run;
  options.to = flags.to;
  options.name = flags.name;
  options.only = flags.only;
  options.max_bytes = flags.max_bytes;
  options.max_total = flags.max_total;
  options.update = flags.update;
  options.stubs = stubs_of(flags.test);
  options.tool = "mflux " MFLUX_VERSION;
  options.threads = flags.threads;
  try {
    print(parity::lock_run(options), session);
    return kSuccess;
  } catch (const parity::NotPassing& refusal) {
    fmt::print(stderr, "mflux: {}\n", one_line(refusal));
    return kAnswerIsNo;
  }
}

} // namespace

void add_parity_lock(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<LockFlags>();
  CLI::App* command = parity.add_subcommand(
      "lock", "Make a small fixture of a run that passes, with tests that hold the port to it");
  command->add_option("RUN", flags->run, "Run folder with ref/ and mlx/")->required();
  command->add_option(
      "-o,--to", flags->to, "The fixture's folder (default: tests/fixtures/NAME of the project)");
  command->add_option("--name", flags->name, "Its name, and its tests' (default: the folder's)");
  add_repeatable(
      *command, "--only", flags->only, "Checkpoints or components (glob); may be given again");
  command->add_option("--max-bytes", flags->max_bytes, "Largest file")
      ->capture_default_str()
      ->check(whole_above_zero());
  command->add_option("--max-total", flags->max_total, "Largest fixture")
      ->capture_default_str()
      ->check(whole_above_zero());
  command->add_flag("--update", flags->update, "Replace an older fixture; edited tests stay");
  command->add_option("--test", flags->test, "Which tests to write")
      ->check(CLI::IsMember({"gtest", "pytest", "both", "none"}))
      ->capture_default_str();
  add_threads(*command, flags->threads);
  command->footer(
      "Example: mflux parity lock debug_artifacts/demo --only 'vae*' --to tests/fixtures/demo_vae\n"
      "         mflux parity lock debug_artifacts/demo --update --test pytest\n"
      "Exit code: 0 locked, 1 the run does not pass, 2 refused or unreadable.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_lock(*flags, session); };
  });
}

} // namespace mflux::cli
