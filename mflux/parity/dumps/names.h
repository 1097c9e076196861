#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mflux::parity {

enum class Role { out, in, weight };

std::string_view name_of(Role role);

/// A checkpoint's name, taken apart:
/// COMPONENT.MODULE.PATH[.callN][.in[.ARGUMENT] | .out.N][@step=K], or weights/PARAMETER.
struct Name {
  std::string path; ///< of the module or spot, the component first: "transformer.blocks.0.attn"
  Role role = Role::out;
  std::string argument;    ///< of an input: "hidden_states", "x.0"; empty for NAME.in
  std::string output;      ///< N of .out.N ("1", nested "1.0"); empty for the first
  int call = 1;            ///< N of .callN
  std::optional<int> step; ///< K of @step=K
};

/// Never fails: what is no suffix belongs to the path.
Name parse_name(std::string_view text);

/// The name of a tensor that a script wrote by hand: parse_name(), but every spelling of a step
/// that normalised() knows is its step.
Name parse_file_name(std::string_view text);

/// The one spelling of a name: `NAME.out.0` is `NAME`, `@step=04` is `@step=4` and stands last.
std::string canonical(const Name& name);

/// The same without @step=K.
std::string without_step(const Name& name);

/// The modules from the component down, with vae.decoder.* below vae.decode and vae.encoder.* below
/// vae.encode: {"vae.decode", "decoder", "conv_in"}, also of "pipe.vae.decoder.conv_in". A pipeline
/// checkpoint is one element, and so is a picture: {"image.png"}.
std::vector<std::string> modules_of(const Name& name);

/// "vae.decode", "vae.encode", "transformer", "text_encoder", "scheduler", …; "pipeline" for names
/// without a known component in front.
std::string component_of(const Name& name);

/// A spelling that different writers agree on: no "module.", "model.", "_orig_mod." or ".default",
/// slashes as dots, `_step_04`, `.step4` and `step=4` as @step=4.
std::string normalised(std::string_view text);

/// Runs of digits compare as numbers: "blocks.2" before "blocks.10".
bool natural_less(std::string_view a, std::string_view b);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, char separator);

} // namespace mflux::parity
