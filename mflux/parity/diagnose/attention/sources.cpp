#include "mflux/parity/diagnose/attention/sources.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "mflux/artifacts/dtype.h"

namespace mflux::parity {
namespace {

constexpr size_t kMostTables = 12;

/// How far a checkpoint's module is from the attention: its own inputs, those of modules around it,
/// then everything else.
size_t distance(const Name& name, const std::string& attention) {
  const bool is_around = attention == name.path || attention.rfind(name.path + ".", 0) == 0;
  return is_around ? attention.size() - name.path.size() : 100000;
}

struct Source {
  size_t row = 0, far = 0;
};

/// Rows whose names hold one of the words, nearest first; of another step or layer none.
template <typename Wanted>
std::vector<Source> rows_near(const Case& at, const std::string& attention, Wanted wanted) {
  std::vector<Source> out;
  for (size_t r = 0; r < at.scene.rows().size(); ++r) {
    const Row& row = at.scene.rows()[r];
    const Name& name = row.ref->name;
    if (r == at.row || (name.step && name.step != at.name().step) || !wanted(row)) {
      continue;
    }
    const size_t far = distance(name, attention);
    if (name.role == Role::in && far == 100000 && name.path.find('.') != std::string::npos) {
      continue;
    }
    out.push_back({r, far});
  }
  std::stable_sort(
      out.begin(), out.end(), [](const Source& a, const Source& b) { return a.far < b.far; });
  return out;
}

std::string last_segment(const std::string& path) {
  return path.substr(path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1);
}

std::string own_words(const Name& name) {
  return name.role == Role::in ? name.argument : last_segment(name.path);
}

bool is_table(const Row& row) {
  const auto words = words_of(own_words(row.ref->name));
  const bool named = has_word(words, {"rope", "rotary", "freqs", "cis", "pe", "cos", "sin"}) ||
                     (has_word(words, {"position", "pos"}) &&
                      has_word(words, {"embeddings", "embed", "embedding", "emb"}));
  const bool is_turned = has_word(words, {"q", "k", "query", "key"});
  return named && !is_turned && !row.ref->shape.empty() &&
         artifacts::element_count(row.ref->shape) <= Scene::kMostElements;
}

/// What distinguishes tables from each other, without the index of cosine and sine.
std::string group_of(const Name& name) {
  std::string argument = name.argument;
  const size_t dot = argument.rfind('.');
  argument = dot == std::string::npos ? argument : argument.substr(0, dot);
  return name.path + "|" + argument + "|" + std::to_string(name.call) + "|" +
         std::string(name_of(name.role));
}

std::vector<Field> fields_of(const Case& at, const std::vector<size_t>& rows) {
  std::vector<Field> out;
  for (const size_t r : rows) {
    if (const auto pair = at.scene.pair(r)) {
      out.push_back(pair->ref);
    }
  }
  return out;
}

void add(std::vector<Turn>& out, std::optional<Turn> turn) {
  if (turn) {
    out.push_back(std::move(*turn));
  }
}

/// [2, ...] as its two halves.
std::pair<Field, Field> unstacked(const Field& field) {
  const artifacts::Shape shape(field.shape.begin() + 1, field.shape.end());
  const auto middle = field.values.begin() + static_cast<std::ptrdiff_t>(field.values.size() / 2);
  return {Field{shape, {field.values.begin(), middle}}, Field{shape, {middle, field.values.end()}}};
}

/// The tables that one group of tensors holds, with one pairing.
std::vector<Turn> turns_in(const std::vector<Field>& fields, int64_t width, Pairing pairing) {
  std::vector<Turn> out;
  if (fields.size() == 2 && fields[0].shape == fields[1].shape && fields[0].width() != 2) {
    add(out, turn_of(fields[0], fields[1], width, pairing));
    return out;
  }
  for (const Field& field : fields) {
    if (field.width() == 2) {
      add(out, turn_of(field, width, pairing));
    } else if (field.rank() >= 3 && field.shape[0] == 2) {
      const auto [cos, sin] = unstacked(field);
      add(out, turn_of(cos, sin, width, pairing));
    }
  }
  return out;
}

/// Those that have a row a token, and two after each other that have together.
void keep_fitting(
    const std::vector<Turn>& turns, int64_t tokens, std::vector<std::shared_ptr<const Turn>>& out) {
  for (const Turn& one : turns) {
    if (one.rows == tokens) {
      out.push_back(std::make_shared<const Turn>(one));
    }
    for (const Turn& other : turns) {
      if (&one == &other || one.rows + other.rows != tokens) {
        continue;
      }
      if (auto both = joined(one, other)) {
        out.push_back(std::make_shared<const Turn>(std::move(*both)));
      }
    }
  }
}

} // namespace

std::vector<std::shared_ptr<const Turn>> tables_for(
    const Case& at, const std::string& attention, int64_t width, int64_t tokens) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<size_t>> groups;
  for (const Source& source : rows_near(at, attention, is_table)) {
    const std::string group = group_of(at.scene.rows()[source.row].ref->name);
    if (groups[group].empty()) {
      order.push_back(group);
    }
    groups[group].push_back(source.row);
  }
  order.resize(std::min(order.size(), kMostTables));
  std::vector<std::shared_ptr<const Turn>> out;
  for (const Pairing pairing : {Pairing::half, Pairing::interleaved}) {
    std::vector<Turn> turns;
    for (const auto& group : order) {
      const auto found = turns_in(fields_of(at, groups[group]), width, pairing);
      turns.insert(turns.end(), found.begin(), found.end());
    }
    keep_fitting(turns, tokens, out);
  }
  return out;
}

std::vector<size_t> table_around(const Case& at) {
  std::vector<size_t> out;
  if (!is_table(at.at())) {
    return out;
  }
  const std::string group = group_of(at.name());
  for (size_t r = 0; r < at.scene.rows().size(); ++r) {
    const Row& row = at.scene.rows()[r];
    if (is_table(row) && group_of(row.ref->name) == group && row.ref->name.step == at.name().step &&
        row.ref->shape == at.at().ref->shape) {
      out.push_back(r);
    }
  }
  return out;
}

namespace {

bool is_mask(const Row& row) {
  const auto words = words_of(own_words(row.ref->name));
  return has_word(words, {"mask", "bias"}) && !row.ref->shape.empty() &&
         row.ref->shape.size() <= 4 &&
         artifacts::element_count(row.ref->shape) <= Scene::kMostElements;
}

bool shows_or_hides(const Field& mask) {
  return std::all_of(mask.values.begin(), mask.values.end(), [](double value) {
    return value == 0 || value == 1;
  });
}

/// What hides, once: -inf, or finfo's least.
double added(double value) {
  return std::isfinite(value) && value > kHidden ? value : kHidden;
}

/// A mask of the text's tokens for text and image together.
std::optional<Field> widened(const Field& mask, int64_t keys, bool text_first) {
  if (mask.width() >= keys || !shows_or_hides(mask) || mask.rank() > 2) {
    return std::nullopt;
  }
  Field out{mask.shape, {}};
  out.shape.back() = keys;
  const auto more = static_cast<size_t>(keys - mask.width());
  for (int64_t r = 0; r < mask.count() / mask.width(); ++r) {
    const auto begin = mask.values.begin() + r * mask.width();
    out.values.insert(out.values.end(), text_first ? 0 : more, 1.0);
    out.values.insert(out.values.end(), begin, begin + mask.width());
    out.values.insert(out.values.end(), text_first ? more : 0, 1.0);
  }
  return out;
}

} // namespace

bool only_hides(const Bias& bias) {
  return std::all_of(bias.values.begin(), bias.values.end(), [](double value) {
    return value == 0 || value <= kHidden / 2;
  });
}

std::optional<Bias> bias_of(const Field& mask, int64_t batch, int64_t queries, int64_t keys) {
  artifacts::Shape shape = mask.shape;
  if (shape.size() == 1) {
    shape = {1, 1, 1, shape[0]};
  } else if (shape.size() == 2) {
    const bool is_per_batch = shape[0] == batch || shape[0] == 1;
    shape = is_per_batch ? artifacts::Shape{shape[0], 1, 1, shape[1]}
                         : artifacts::Shape{1, 1, shape[0], shape[1]};
  } else if (shape.size() == 3) {
    shape = {shape[0], 1, shape[1], shape[2]};
  }
  const bool is_usable = shape.size() == 4 && shape[3] == keys &&
                         (shape[2] == 1 || shape[2] == queries) &&
                         (shape[0] == 1 || shape[0] == batch);
  if (!is_usable) {
    return std::nullopt;
  }
  Bias out{shape[0], shape[1], shape[2], shape[3], mask.values};
  const bool is_boolean = shows_or_hides(mask);
  for (double& value : out.values) {
    value = is_boolean ? (value == 1 ? 0 : kHidden) : added(value);
  }
  return out;
}

std::vector<std::shared_ptr<const Bias>> masks_for(
    const Case& at, const std::string& attention, const Heads& q, const Heads& k) {
  std::vector<std::shared_ptr<const Bias>> out;
  const auto keep = [&](const Field& mask) {
    if (auto bias = bias_of(mask, q.batch, q.tokens, k.tokens)) {
      out.push_back(std::make_shared<const Bias>(std::move(*bias)));
    }
  };
  for (const Source& source : rows_near(at, attention, is_mask)) {
    if (out.size() >= kMostTables) {
      break;
    }
    const Field mask = field_of(at.scene.comparison().ref.load(*at.scene.rows()[source.row].ref));
    keep(mask);
    if (mask.shape == artifacts::Shape{q.tokens, k.tokens, q.heads}) {
      const Field heads_first = permuted(mask, {2, 0, 1});
      keep(reshaped(heads_first, {1, q.heads, q.tokens, k.tokens}));
    }
    for (const bool text_first : {true, false}) {
      if (const auto wide = widened(mask, k.tokens, text_first)) {
        keep(*wide);
      }
    }
  }
  return out;
}

} // namespace mflux::parity
