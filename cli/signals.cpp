#include "cli/signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string_view>
#include <thread>

#include "cli/command.h"
#include "mflux/base/temporary_path.h"

namespace mflux::cli {
namespace {

/// To the thread that acts on signals. A handler may run in any thread, those of OpenBLAS included,
/// which are there before main(), so signals cannot be left to one thread by blocking them.
int signal_pipe = -1;

/// What the next interrupt does.
enum class OnInterrupt { end, mark, marked };

std::atomic<OnInterrupt> on_interrupt = OnInterrupt::end;

/// Whether this signal was only marked.
bool take_politely(int number) {
  auto expected = OnInterrupt::mark;
  return number == SIGINT && on_interrupt.compare_exchange_strong(expected, OnInterrupt::marked);
}

/// The kernel's answer to reading a mapped page that the file no longer has.
void on_bus_error(int) {
  constexpr std::string_view text = "mflux: a file was cut off while it was read\n";
  // Nothing can be done when standard error is closed too.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
  _exit(kUsage);
}

} // namespace

void handle_signals() {
  signal(SIGBUS, on_bus_error);
  signal(SIGXFSZ, SIG_IGN); // writing then fails with EFBIG
  int ends[2];
  if (pipe(ends) != 0) {
    return; // signals then act as they do by themselves
  }
  signal_pipe = ends[1];
  struct sigaction pass_on {};
  pass_on.sa_handler = [](int number) {
    const int kept = errno; // of what was interrupted
    const auto byte = static_cast<unsigned char>(number);
    [[maybe_unused]] const auto written = write(signal_pipe, &byte, 1);
    errno = kept;
  };
  pass_on.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler != SIG_IGN) { // nohup and background shells ignore some on purpose
      sigaction(number, &pass_on, nullptr);
    }
  }
  std::thread([from = ends[0]] {
    unsigned char number = 0;
    do {
      while (read(from, &number, 1) != 1) {
      }
    } while (take_politely(number));
    remove_temporary_paths();
    _exit(128 + number);
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

} // namespace mflux::cli
