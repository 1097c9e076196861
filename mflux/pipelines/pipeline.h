#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mflux/capture/taps.h"
#include "mflux/image/pixels.h"

namespace mflux::pipelines {

/// The picture that image to image starts from. Strength as in diffusers: above 0 (least change) to
/// 1, which ignores the picture (mflux's is 1 − ours).
struct ImageStart {
  Image image;
  double strength = 0.6;
};

/// What a person asks for. What is not said comes from the model's own files and registry entry.
struct Request {
  std::string prompt{};
  std::optional<std::string> negative_prompt{};
  std::optional<int> width{}, height{}; ///< pixels
  std::optional<int> steps{};
  std::optional<double> guidance{};
  std::optional<int> max_sequence_length{}; ///< tokens
  std::vector<double> sigmas{};             ///< before the schedule's shift; empty: the model's own
  std::optional<ImageStart> start{};        ///< image to image
  std::vector<Image> references{};          ///< edit
  uint64_t seed = 0;
  /// The noise instead of the seed's, as the reference takes it ([1, channels, height, width]).
  std::optional<mx::array> latents{};
  /// Give the text encoder's memory back once the prompts are encoded; what it encodes next reads
  /// its weights again.
  bool frees_text_encoder = false;
};

/// A request with everything decided: what is printed and stored before anything is computed.
struct Plan {
  int width = 0, height = 0; ///< pixels
  int steps = 0;             ///< of the whole schedule
  int max_sequence_length = 0;
  double guidance = 1;
  bool is_guided = false;       ///< the model is evaluated twice a step
  std::vector<double> sigmas{}; ///< after the shift, with the last 0; the steps that will be done
  double bytes = 0;             ///< memory that weights and the largest activations take, about
  std::vector<std::string> remarks{}; ///< what was rounded, truncated or ignored, for people
};

enum class Stage { encode, denoise, decode };

/// Told after each thing that was finished.
struct Progress {
  Stage stage;
  int step = 0, steps = 0; ///< of Stage::denoise
};

/// How a run talks to its caller. All may be empty.
struct Callbacks {
  std::function<void(const Progress&)> progress{};
  std::function<bool()> is_cancelled{};                  ///< asked between steps
  std::function<void(int step, const Image&)> preview{}; ///< the picture so far
  capture::Observer* observer = nullptr;                 ///< sees every checkpoint of the run
};

/// Thrown by generate() when is_cancelled said so.
struct Cancelled {};

/// A model of one family, from a prompt to pixels. Opening it reads configs and headers; weights
/// are read when they are first needed.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  /// Completes and checks a request; nothing is computed. Throws Error.
  virtual Plan plan(const Request& request) const = 0;

  /// The picture. Throws Error, and Cancelled.
  virtual Image generate(const Request& request, const Callbacks& callbacks) = 0;
};

} // namespace mflux::pipelines
