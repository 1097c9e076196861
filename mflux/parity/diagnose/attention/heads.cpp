#include "mflux/parity/diagnose/attention/heads.h"

#include <algorithm>

namespace mflux::parity {

Heads heads_of(int64_t batch, int64_t tokens, int64_t heads, int64_t width) {
  Heads out{batch, tokens, heads, width, {}};
  out.values.resize(static_cast<size_t>(batch * tokens * heads * width));
  return out;
}

namespace {

Heads with_heads_second(const Heads& from) {
  Heads out = heads_of(from.batch, from.heads, from.tokens, from.width);
  for (int64_t b = 0; b < from.batch; ++b) {
    for (int64_t t = 0; t < from.tokens; ++t) {
      for (int64_t h = 0; h < from.heads; ++h) {
        std::copy_n(from.at(b, t, h), from.width, out.at(b, h, t));
      }
    }
  }
  return out;
}

} // namespace

std::optional<Heads> heads_of(const Field& field, int64_t width, HeadLayout layout) {
  const auto& shape = field.shape;
  if (field.values.empty() || width < 1) {
    return std::nullopt;
  }
  if (shape.size() == 4 && shape[3] == width) {
    Heads plain{shape[0], shape[1], shape[2], width, field.values};
    return layout == HeadLayout::tokens_first ? plain : with_heads_second(plain);
  }
  const bool is_flat = shape.size() == 2 || shape.size() == 3;
  if (!is_flat || layout != HeadLayout::tokens_first || shape.back() % width != 0) {
    return std::nullopt;
  }
  const int64_t batch = shape.size() == 3 ? shape[0] : 1;
  const int64_t tokens = shape[shape.size() - 2];
  return Heads{batch, tokens, shape.back() / width, width, field.values};
}

Field field_of(const Heads& heads, const artifacts::Shape& like, HeadLayout layout) {
  return {
      like, layout == HeadLayout::tokens_first ? heads.values : with_heads_second(heads).values};
}

Heads joined(const Heads& first, const Heads& second) {
  Heads out = heads_of(first.batch, first.tokens + second.tokens, first.heads, first.width);
  const int64_t row = first.heads * first.width;
  for (int64_t b = 0; b < first.batch; ++b) {
    std::copy_n(first.at(b, 0, 0), first.tokens * row, out.at(b, 0, 0));
    std::copy_n(second.at(b, 0, 0), second.tokens * row, out.at(b, first.tokens, 0));
  }
  return out;
}

Heads cut_tokens(const Heads& from, int64_t begin, int64_t count) {
  Heads out = heads_of(from.batch, count, from.heads, from.width);
  for (int64_t b = 0; b < from.batch; ++b) {
    std::copy_n(from.at(b, begin, 0), count * from.heads * from.width, out.at(b, 0, 0));
  }
  return out;
}

Field cut_channels(const Field& from, int64_t begin, int64_t count) {
  Field out{from.shape, {}};
  out.shape.back() = count;
  const int64_t rows = from.count() / from.width();
  out.values.resize(static_cast<size_t>(rows * count));
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(
        from.values.data() + r * from.width() + begin, count, out.values.data() + r * count);
  }
  return out;
}

} // namespace mflux::parity
