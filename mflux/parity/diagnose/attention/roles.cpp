#include "mflux/parity/diagnose/attention/roles.h"

#include <algorithm>
#include <cctype>

namespace mflux::parity {

std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> out(1);
  for (const char c : name) {
    if (c == '.' || c == '_' || c == '/') {
      out.emplace_back();
    } else {
      out.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

bool has_word(const std::vector<std::string>& words, std::initializer_list<const char*> any) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(any.begin(), any.end(), [&](const char* one) { return word == one; });
  });
}

namespace {

/// Modules below the attention whose names are looked at: "to_q", "self.query".
constexpr size_t kDeepest = 2;

int stage_of(const std::vector<std::string>& words) {
  if (has_word(words, {"rope", "rot", "rotary", "rotated"})) {
    return 2;
  }
  return has_word(words, {"norm", "ln", "layernorm", "rmsnorm"}) ? 1 : 0;
}

void take(std::optional<size_t>& slot, int& stage, size_t row, int found) {
  if (found >= stage) {
    slot = row;
    stage = found;
  }
}

void place(AttentionRoles& roles, const std::vector<std::string>& words, size_t row, int latest) {
  const bool is_added = has_word(words, {"add", "added", "context", "encoder", "txt", "ctx"});
  StreamRoles& stream = is_added ? roles.added : roles.main;
  const int stage = stage_of(words);
  if (stage > latest) {
    return;
  }
  int v_stage = -1;
  if (has_word(words, {"qkv", "wqkv", "attn"}) && has_word(words, {"qkv", "wqkv", "c"})) {
    stream.fused = row;
  } else if (has_word(words, {"q", "query", "wq", "queries"})) {
    take(stream.q, stream.q_stage, row, stage);
  } else if (has_word(words, {"k", "key", "wk", "keys"})) {
    take(stream.k, stream.k_stage, row, stage);
  } else if (has_word(words, {"v", "value", "wv", "values"})) {
    take(stream.v, v_stage, row, stage);
  }
}

AttentionRoles roles_below(const Case& at, const std::string& path, int latest) {
  AttentionRoles roles{path, {}, {}};
  const std::string prefix = path + ".";
  for (size_t r = 0; r < at.scene.rows().size(); ++r) {
    const Name& name = at.scene.rows()[r].ref->name;
    if (r == at.row || name.role != Role::out || !name.output.empty() ||
        name.step != at.name().step || name.call != at.name().call ||
        name.path.rfind(prefix, 0) != 0) {
      continue;
    }
    const std::string rest = name.path.substr(prefix.size());
    if (split(rest, '.').size() <= kDeepest) {
      place(roles, words_of(rest), r, latest);
    }
  }
  return roles;
}

} // namespace

std::optional<AttentionRoles> roles_around(const Case& at, int latest) {
  std::string path = at.module();
  for (size_t up = 0; up <= kDeepest + 1 && !path.empty(); ++up) {
    const AttentionRoles roles = roles_below(at, path, latest);
    if (roles.main.is_whole()) {
      return roles;
    }
    const size_t dot = path.rfind('.');
    path = dot == std::string::npos ? "" : path.substr(0, dot);
  }
  return std::nullopt;
}

} // namespace mflux::parity
