#pragma once

namespace mflux::cli {

/// From now on an interrupt (exit 130) or a request to end (143) first removes half-made files,
/// a mapped file that was cut while it was read ends the process with one line that names it (exit
/// 2) in the same way, and a limit on the size of files is an error like a full disk.
void handle_signals();

/// While one lives, the first interrupt only sets a mark for the work to see, which can then stop
/// in good order; the second acts as always.
class PoliteInterrupt {
 public:
  PoliteInterrupt();
  ~PoliteInterrupt();
  PoliteInterrupt(const PoliteInterrupt&) = delete;
  PoliteInterrupt& operator=(const PoliteInterrupt&) = delete;

  bool is_wanted() const;
};

/// While it lives, a signal that ends this process ends a group of other processes too. One at a
/// time.
class EndsWithUs {
 public:
  explicit EndsWithUs(int process_group);
  ~EndsWithUs();
  EndsWithUs(const EndsWithUs&) = delete;
  EndsWithUs& operator=(const EndsWithUs&) = delete;
};

} // namespace mflux::cli
