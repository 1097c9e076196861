#include "mflux/parity/diagnose/pipeline/loop_roles.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>

namespace mflux::parity {
namespace {

constexpr size_t kMostDigits = 6;

/// The words of a name in lower case: "noisePred_text-02" is noise, pred, text, 02.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  char before = '_';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const auto b = static_cast<unsigned char>(before);
    const bool is_new = (std::isalnum(b) == 0) ||
                        (std::isdigit(u) != 0) != (std::isdigit(b) != 0) ||
                        (std::isupper(u) != 0 && std::islower(b) != 0);
    if (std::isalnum(u) != 0) {
      if (is_new) {
        words.emplace_back();
      }
      words.back().push_back(static_cast<char>(std::tolower(u)));
    }
    before = c;
  }
  return words;
}

bool is_number(const std::string& word) {
  return !word.empty() && word.size() <= kMostDigits &&
         std::all_of(
             word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}

  bool has(std::initializer_list<std::string_view> any) const {
    return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
      return std::find(any.begin(), any.end(), word) != any.end();
    });
  }

  /// Nothing but one of these.
  bool is(std::initializer_list<std::string_view> any) const {
    return words_.size() == 1 && has(any);
  }

  /// The last number, which is a step's; taken out.
  std::optional<int> take_number() {
    const auto found = std::find_if(words_.rbegin(), words_.rend(), is_number);
    if (found == words_.rend()) {
      return std::nullopt;
    }
    const int number = std::stoi(*found);
    words_.erase(std::next(found).base());
    return number;
  }

  void drop(std::initializer_list<std::string_view> any) {
    words_.erase(
        std::remove_if(
            words_.begin(),
            words_.end(),
            [&](const std::string& word) {
              return std::find(any.begin(), any.end(), word) != any.end();
            }),
        words_.end());
  }

  bool empty() const {
    return words_.empty();
  }

 private:
  std::vector<std::string> words_;
};

bool is_prediction(const Words& words) {
  const bool is_output = words.has({"model", "unet", "transformer", "dit"}) &&
                         words.has({"output", "out", "pred", "prediction"});
  return is_output || words.has({"pred", "prediction", "velocity", "eps", "epsilon", "vpred"}) ||
         words.is({"v", "e", "flow", "score"}) ||
         (words.has({"noise", "v", "eps"}) && words.has({"cond", "uncond", "text"}));
}

LoopRole prediction_role(const Words& words) {
  if (words.has({"uncond", "unconditional", "negative", "neg", "null"})) {
    return LoopRole::uncond;
  }
  const bool is_cond = words.has({"cond", "conditional", "text", "positive", "pos", "c"});
  return is_cond ? LoopRole::cond : LoopRole::prediction;
}

const std::initializer_list<std::string_view> kInitial = {
    "initial", "init", "start", "packed", "first", "input"};

bool is_latents(const Words& words) {
  return words.has({"latents", "latent", "sample", "samples", "noise"}) ||
         words.is({"x", "xt", "z", "zt"});
}

/// Of a hand-made name, or a module's argument.
LoopName read(Words words, std::optional<int> step) {
  LoopName out;
  if (!step) {
    step = words.take_number();
  }
  words.drop({"step", "steps", "at"});
  const bool is_initial = words.has(kInitial) || words.has({"noise"});
  words.drop(kInitial);
  out.step = step;
  if (words.has({"embeds", "embed", "embeddings", "emb", "proj", "ids", "mask", "image"})) {
    return out;
  }
  if (is_prediction(words)) {
    out.role = prediction_role(words);
  } else if (is_latents(words)) {
    const bool after =
        words.has({"decoded", "scaled", "unpacked", "unpatchified", "image", "vae", "model"});
    out.role = after ? LoopRole::none : LoopRole::latents;
    if (!out.step && is_initial) {
      out.step = 0;
    }
  } else if (words.has({"sigmas", "sigma"})) {
    out.role = LoopRole::sigmas;
  } else if (words.has({"timesteps"})) {
    out.role = LoopRole::timesteps;
  } else if (words.has({"timestep"}) || words.is({"t", "time", "ts"})) {
    out.role = LoopRole::timestep;
  } else if (words.has({"guidance", "cfg"})) {
    out.role = LoopRole::guidance;
  }
  return out;
}

bool is_denoiser(std::string_view path) {
  return path == "transformer" || path == "unet" || path == "model" || path == "dit";
}

/// Of a module's tensor: what the denoiser takes and gives, and the scheduler's step.
std::optional<LoopName> of_module(const Name& name) {
  const bool steps = name.path == "scheduler.step" || name.path == "scheduler";
  if (!is_denoiser(name.path) && !steps) {
    return std::nullopt;
  }
  const std::optional<int> step = name.step ? name.step : std::optional(name.call);
  if (name.role == Role::out) {
    return LoopName{steps ? LoopRole::latents : LoopRole::prediction, step};
  }
  const std::string argument = name.argument.substr(0, name.argument.find('.'));
  if (argument == "hidden_states" || argument == "sample" || argument == "x") {
    return LoopName{LoopRole::latents, *step - 1};
  }
  LoopName read_as = read(Words(words_of(argument)), step);
  if (read_as.role == LoopRole::latents) {
    read_as.role = LoopRole::none;
  }
  return read_as;
}

} // namespace

LoopName loop_name_of(const Name& name) {
  if (name.role == Role::weight) {
    return {};
  }
  if (auto known = of_module(name)) {
    return *known;
  }
  const Name plain = parse_name(normalised(canonical(name)));
  if (plain.role == Role::in) {
    LoopName out = read(Words(words_of(plain.argument)), plain.step);
    const bool tells_time = out.role == LoopRole::timestep || out.role == LoopRole::guidance;
    return tells_time ? out : LoopName{};
  }
  const auto segments = split(plain.path, '.');
  const bool is_deep = segments.size() > 2 || component_of(plain) != "pipeline";
  if (is_deep && segments.front() != "scheduler") {
    return {};
  }
  return read(
      Words(words_of(
          segments.size() > 1 && segments.front() != "scheduler" ? plain.path : segments.back())),
      plain.step);
}

LoopRows::LoopRows(const Scene& scene) {
  names_.reserve(scene.rows().size());
  for (const Row& row : scene.rows()) {
    names_.push_back(loop_name_of(row.ref->name));
  }
  const auto counted = std::find_if(names_.begin(), names_.end(), [](const LoopName& name) {
    return name.role == LoopRole::latents && name.step.value_or(0) > 0;
  });
  if (counted == names_.end()) {
    return;
  }
  for (auto name = names_.begin(); name != names_.end(); ++name) {
    if (name->role == LoopRole::latents && !name->step) {
      name->step = 0;
      name->role = name < counted ? LoopRole::latents : LoopRole::none;
    }
  }
}

std::vector<size_t> LoopRows::all(LoopRole role, std::optional<int> step) const {
  std::vector<size_t> rows;
  for (size_t r = 0; r < names_.size(); ++r) {
    if (names_[r].role == role && (!step || names_[r].step == step)) {
      rows.push_back(r);
    }
  }
  return rows;
}

} // namespace mflux::parity
