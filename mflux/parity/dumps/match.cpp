#include "mflux/parity/dumps/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/base/toml_tables.h"
#include "mflux/parity/dumps/names.h"

namespace mflux::parity {
namespace {

using Keys = std::unordered_map<std::string, std::vector<size_t>>;

/// Fills the stars of `to` with captures.
std::string substituted(const std::string& to, const std::vector<std::string>& captures) {
  std::string out;
  size_t next = 0;
  for (const char c : to) {
    if (c == '*') {
      out += captures[next++];
    } else {
      out += c;
    }
  }
  return out;
}

/// What `rule` makes of a name; a name in the loop may also match without its step.
std::optional<std::string> renamed(const Rename& rule, const std::string& text) {
  if (const auto captures = glob_captures(rule.from, text)) {
    return substituted(rule.to, *captures);
  }
  const Name name = parse_name(text);
  if (!name.step) {
    return std::nullopt;
  }
  if (const auto captures = glob_captures(rule.from, without_step(name))) {
    return fmt::format("{}@step={}", substituted(rule.to, *captures), *name.step);
  }
  return std::nullopt;
}

class Matcher {
 public:
  Matcher(const std::vector<std::string>& ref, const std::vector<std::string>& port)
      : ref_(ref), port_(port), ref_taken_(ref.size()), port_taken_(port.size()) {}

  using KeyOf = std::function<std::string(const std::string&)>;

  /// Pairs what is still free and has the same key on both sides, once on each.
  void pass(MatchedBy by, const KeyOf& ref_key, const KeyOf& port_key) {
    const Keys refs = keys(ref_, ref_taken_, ref_key), ports = keys(port_, port_taken_, port_key);
    for (size_t r = 0; r < ref_.size(); ++r) {
      if (ref_taken_[r]) {
        continue;
      }
      const std::string key = ref_key(ref_[r]);
      const auto found = ports.find(key);
      if (found == ports.end()) {
        continue;
      }
      const auto& candidates = refs.at(key);
      if (candidates.size() == 1 && found->second.size() == 1) {
        take(r, found->second.front(), by);
      } else if (candidates.front() == r) {
        remark(key, candidates, found->second);
      }
    }
  }

  std::vector<std::string> free_refs() const {
    return free(ref_, ref_taken_);
  }

  std::vector<std::string> free_ports() const {
    return free(port_, port_taken_);
  }

  Matching finish() && {
    std::sort(result_.pairs.begin(), result_.pairs.end(), [](const Match& a, const Match& b) {
      return a.ref < b.ref;
    });
    for (size_t r = 0; r < ref_.size(); ++r) {
      if (!ref_taken_[r]) {
        result_.missing.push_back(r);
      }
    }
    for (size_t p = 0; p < port_.size(); ++p) {
      if (!port_taken_[p]) {
        result_.extra.push_back(p);
      }
    }
    return std::move(result_);
  }

 private:
  static Keys keys(
      const std::vector<std::string>& names, const std::vector<bool>& taken, const KeyOf& key) {
    Keys out;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!taken[i]) {
        out[key(names[i])].push_back(i);
      }
    }
    return out;
  }

  static std::vector<std::string> free(
      const std::vector<std::string>& names, const std::vector<bool>& taken) {
    std::vector<std::string> out;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!taken[i]) {
        out.push_back(names[i]);
      }
    }
    return out;
  }

  void take(size_t r, size_t p, MatchedBy by) {
    ref_taken_[r] = port_taken_[p] = true;
    result_.pairs.push_back({r, p, by});
  }

  void remark(
      const std::string& key, const std::vector<size_t>& refs, const std::vector<size_t>& ports) {
    const bool in_ref = refs.size() > 1;
    const auto& names = in_ref ? ref_ : port_;
    const auto& twice = in_ref ? refs : ports;
    const std::string text = fmt::format(
        "{} and {} of the {} both read as {}: neither is matched; rename one or use map.toml",
        names[twice[0]],
        names[twice[1]],
        in_ref ? "reference" : "port",
        key);
    if (std::find(result_.remarks.begin(), result_.remarks.end(), text) == result_.remarks.end()) {
      result_.remarks.push_back(text);
    }
  }

  const std::vector<std::string>& ref_;
  const std::vector<std::string>& port_;
  std::vector<bool> ref_taken_, port_taken_;
  Matching result_;
};

/// Every port name under the first rule that matches it.
std::map<std::string, std::string> rename_all(
    const std::vector<std::string>& port, const std::vector<Rename>& rules) {
  std::map<std::string, std::string> out, back;
  std::vector<bool> used(rules.size());
  for (const auto& name : port) {
    for (size_t i = 0; i < rules.size(); ++i) {
      const auto to = renamed(rules[i], name);
      if (!to) {
        continue;
      }
      used[i] = true;
      if (out.emplace(name, canonical(parse_name(*to))).second) {
        const auto [other, fresh] = back.emplace(out[name], name);
        if (!fresh) {
          throw Error(
              fmt::format("both {} and {} of the port become {}", other->second, name, out[name]));
        }
      }
    }
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!used[i]) {
      throw Error(
          fmt::format("the rule from \"{}\" matches no checkpoint of the port", rules[i].from));
    }
  }
  return out;
}

/// For each module call that has exactly one input, that input's name becomes NAME.in.
Matcher::KeyOf sole_input_key(const std::vector<std::string>& names) {
  std::unordered_map<std::string, int> inputs;
  const auto bare = [](const Name& name) {
    Name key = name;
    key.argument.clear();
    return canonical(key);
  };
  for (const auto& text : names) {
    if (const Name name = parse_name(normalised(text)); name.role == Role::in) {
      ++inputs[bare(name)];
    }
  }
  return [inputs, bare](const std::string& text) {
    const Name name = parse_name(normalised(text));
    if (name.role == Role::in && inputs.count(bare(name)) && inputs.at(bare(name)) == 1) {
      return bare(name);
    }
    return canonical(name);
  };
}

/// The leading modules that, taken off the names of one side, match most of the other's; empty when
/// that is no clear case.
std::string common_prefix(
    const std::vector<std::string>& longer, const std::vector<std::string>& shorter) {
  std::unordered_map<std::string, bool> wanted;
  for (const auto& name : shorter) {
    wanted[normalised(name)] = true;
  }
  struct Count {
    size_t with = 0, matched = 0;
  };
  std::map<std::string, Count> counts;
  for (const auto& text : longer) {
    const std::string name = normalised(text);
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      Count& count = counts[name.substr(0, dot + 1)];
      ++count.with;
      count.matched += wanted.count(name.substr(dot + 1));
    }
  }
  const auto best =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return a.second.matched < b.second.matched;
      });
  const bool clear = best != counts.end() && best->second.matched * 2 > best->second.with &&
                     (best->second.matched > 1 || longer.size() == 1);
  return clear ? best->first : std::string();
}

Matcher::KeyOf without_prefix(const std::string& prefix) {
  return [prefix](const std::string& text) {
    const std::string name = normalised(text);
    return !prefix.empty() && name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name;
  };
}

} // namespace

std::vector<Rename> read_renames(const std::filesystem::path& path) {
  std::vector<Rename> renames;
  for_each_table(path, "rename", {"from", "to"}, [&](const toml::table& table) {
    Rename rename{text_of(table, "from"), text_of(table, "to")};
    const auto stars = [](const std::string& glob) {
      return std::count(glob.begin(), glob.end(), '*');
    };
    if (rename.from.find('?') != std::string::npos || rename.to.find('?') != std::string::npos) {
      throw Error("a rename knows * only, not ?");
    }
    if (stars(rename.to) > stars(rename.from)) {
      throw Error(fmt::format("to = \"{}\" has more * than from = \"{}\"", rename.to, rename.from));
    }
    renames.push_back(std::move(rename));
  });
  return renames;
}

Matching match_names(
    const std::vector<std::string>& ref,
    const std::vector<std::string>& port,
    const std::vector<Rename>& renames) {
  Matcher matcher(ref, port);
  const auto same = [](const std::string& name) { return name; };
  matcher.pass(MatchedBy::exact, same, same);
  if (!renames.empty()) {
    const auto names = rename_all(port, renames);
    matcher.pass(MatchedBy::map, same, [&](const std::string& name) {
      const auto found = names.find(name);
      return found == names.end() ? name : found->second;
    });
  }
  matcher.pass(MatchedBy::normalised, normalised, normalised);
  matcher.pass(MatchedBy::normalised, sole_input_key(ref), sole_input_key(port));
  const auto refs = matcher.free_refs(), ports = matcher.free_ports();
  const std::string ref_prefix = common_prefix(refs, ports);
  const std::string port_prefix = ref_prefix.empty() ? common_prefix(ports, refs) : std::string();
  if (!ref_prefix.empty() || !port_prefix.empty()) {
    matcher.pass(MatchedBy::normalised, without_prefix(ref_prefix), without_prefix(port_prefix));
  }
  return std::move(matcher).finish();
}

} // namespace mflux::parity
