#include <cstdlib>
#include <set>
#include <vector>

#include "fuzz/targets.h"
#include "mflux/artifacts/manifest.h"
#include "mflux/base/error.h"
#include "mflux/parity/dumps/debug_tree.h"
#include "mflux/parity/dumps/match.h"
#include "mflux/parity/dumps/names.h"
#include "mflux/parity/tolerance.h"
#include "mflux/parity/transforms/transform.h"
#include "support/dumps.h"

namespace mflux::fuzz {
namespace {

using artifacts::Bytes;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void read_tolerances(Bytes input) {
  const MemoryFile file(input);
  const auto rules = parity::read_tolerances(file.path());
  parity::rule_for(rules, parity::parse_name("vae.decode.conv_in@step=2"));
}

/// What a transform is spelled as reads back; what fits a tensor can be applied and read.
void transform(Bytes input) {
  static const auto tensor = testing::floats({2, 4, 6}, testing::normal(48, 1));
  const auto chain = parity::parse_chain(artifacts::as_text(input));
  const auto spelled = parity::to_string(chain);
  require(parity::to_string(parity::parse_chain(spelled)) == spelled);
  const auto result = parity::transformed(chain, tensor);
  if (result.count() > 0) {
    value_at(result, result.count() - 1);
  }
}

void read_debugger(Bytes input) {
  const MemoryFile file(input);
  parity::read_debug_tree(file.path(), {"Model_debug_tree_FULL_TENSORS.json", "a.safetensors"});
}

/// A name's canonical spelling is a fixed point, and every other view of it can be taken.
void check_name(const std::string& text) {
  const auto name = parity::parse_name(text);
  const auto spelled = parity::canonical(name);
  require(parity::canonical(parity::parse_name(spelled)) == spelled);
  parity::without_step(name);
  parity::modules_of(name);
  parity::component_of(name);
  parity::normalised(text);
  require(!parity::natural_less(text, text));
}

/// Names a line each: the reference's, an empty line, the port's.
void match_names(Bytes input) {
  std::vector<std::string> sides[2];
  std::set<std::string> seen[2];
  size_t side = 0;
  for (const auto& line : parity::split(artifacts::as_text(input), '\n')) {
    if (line.empty()) {
      side = 1;
      continue;
    }
    check_name(line);
    const auto name = parity::canonical(parity::parse_name(line));
    if (seen[side].insert(name).second) { // a dump refuses a name that stands twice
      sides[side].push_back(name);
    }
  }
  const auto matching = parity::match_names(sides[0], sides[1], {{"port.*", "vae.*"}});
  require(matching.pairs.size() + matching.missing.size() == sides[0].size());
}

} // namespace

Targets text_targets() {
  return {
      {"debugger", read_debugger},
      {"transforms", transform},
      {"manifest", [](Bytes input) { artifacts::read_manifest(MemoryFile(input).path()); }},
      {"names", match_names},
      {"renames", [](Bytes input) { parity::read_renames(MemoryFile(input).path()); }},
      {"tolerances", read_tolerances},
  };
}

} // namespace mflux::fuzz
