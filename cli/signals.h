#pragma once

namespace mflux::cli {

/// From now on an interrupt (exit 130) or a request to end (143) first removes half-made files, and
/// a mapped file that was cut while it was read ends the process with one line (exit 2). To be
/// called before any thread is started.
void handle_signals();

} // namespace mflux::cli
