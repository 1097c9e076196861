#include "cli/signals.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "cli/command.h"
#include "mflux/artifacts/mapped_names.h"
#include "mflux/base/temporary_path.h"

namespace mflux::cli {
namespace {

/// To the thread that acts on signals. A handler may run in any thread, those of OpenBLAS included,
/// which are there before main(), so signals cannot be left to one thread by blocking them.
int signal_pipe = -1;

std::atomic_flag is_cut_told;

/// What the next interrupt does.
enum class OnInterrupt { end, mark, marked };

std::atomic<OnInterrupt> on_interrupt = OnInterrupt::end;

std::atomic<int> group_that_ends_with_us = 0;

/// Whether this signal was only marked.
bool take_politely(int number) {
  auto expected = OnInterrupt::mark;
  return number == SIGINT && on_interrupt.compare_exchange_strong(expected, OnInterrupt::marked);
}

/// To the thread that acts on signals.
void pass_on(int number) {
  const auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] const auto written = write(signal_pipe, &byte, 1);
}

/// The one line, in one write() so that nothing comes between.
void tell_of_cut_file(const char* name) {
  static char line[8192];
  size_t size = 0;
  for (const char* part :
       {"mflux: ",
        name ? name : "a file",
        " was cut off while it was read; write a new file beside it and rename that\n"}) {
    for (; *part && size < sizeof line; ++part) {
      line[size++] = *part;
    }
  }
  // Nothing can be done when standard error is closed too.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, line, size);
}

/// The kernel's answer to reading a mapped page that the file no longer has. The thread that acts
/// on signals then ends the process, since nothing else may be done here.
void on_bus_error(int, siginfo_t* what, void*) {
  constexpr int kPatience = 10'000; // ms
  if (!is_cut_told.test_and_set()) {
    tell_of_cut_file(artifacts::mapped_name_at(what->si_addr));
    pass_on(SIGBUS);
  }
  poll(nullptr, 0, kPatience);
  _exit(kUsage);
}

void end_other_group(int number) {
  if (const int group = group_that_ends_with_us; group > 0) {
    kill(-group, number == SIGBUS ? SIGTERM : number);
  }
}

/// The exit code of a process that `number` ended.
int code_of(int number) {
  return number == SIGBUS ? int{kUsage} : 128 + number;
}

} // namespace

void handle_signals() {
  struct sigaction cut {};
  cut.sa_sigaction = on_bus_error;
  cut.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &cut, nullptr);
  signal(SIGXFSZ, SIG_IGN); // writing then fails with EFBIG
  int ends[2];
  if (pipe(ends) != 0) {
    return; // signals then act as they do by themselves
  }
  signal_pipe = ends[1];
  struct sigaction asked {};
  asked.sa_handler = [](int number) {
    const int kept = errno; // of what was interrupted
    pass_on(number);
    errno = kept;
  };
  asked.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler != SIG_IGN) { // nohup and background shells ignore some on purpose
      sigaction(number, &asked, nullptr);
    }
  }
  std::thread([from = ends[0]] {
    unsigned char number = 0;
    do {
      while (read(from, &number, 1) != 1) {
      }
    } while (take_politely(number));
    end_other_group(number);
    remove_temporary_paths();
    _exit(code_of(number));
  }).detach();
}

PoliteInterrupt::PoliteInterrupt() {
  on_interrupt = OnInterrupt::mark;
}

PoliteInterrupt::~PoliteInterrupt() {
  on_interrupt = OnInterrupt::end;
}

bool PoliteInterrupt::is_wanted() const {
  return on_interrupt == OnInterrupt::marked;
}

EndsWithUs::EndsWithUs(int process_group) {
  group_that_ends_with_us = process_group;
}

EndsWithUs::~EndsWithUs() {
  group_that_ends_with_us = 0;
}

} // namespace mflux::cli
