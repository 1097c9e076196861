#include "mflux/artifacts/torch_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_set>

#include "mflux/artifacts/names.h"
#include "mflux/artifacts/torch_globals.h"
#include "mflux/artifacts/torch_view.h"
#include "mflux/base/error.h"
#include "mflux/base/utf8.h"

namespace mflux::artifacts {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<PickleValue>;

constexpr size_t kMaxDepth = 100;
constexpr size_t kUsualMet = 10'000, kMostShared = 16; ///< values met, for each that is written
constexpr size_t kMaxNameBytes = size_t{256} << 20;    ///< of all names together

bool is_number(PickleValue value) {
  return value.is(Kind::boolean) || value.is(Kind::integer) || value.is(Kind::large) ||
         value.is(Kind::real);
}

/// The element type that np.asarray gives numbers.
Dtype dtype_of(const Items& numbers) {
  const auto any = [&](Kind kind) {
    return std::any_of(
        numbers.begin(), numbers.end(), [&](PickleValue value) { return value.is(kind); });
  };
  if (any(Kind::real)) {
    return Dtype::float64;
  }
  if (any(Kind::large)) {
    const bool negative = std::any_of(numbers.begin(), numbers.end(), [](PickleValue value) {
      return value.is(Kind::integer) && static_cast<int64_t>(value.bits) < 0;
    });
    return negative ? Dtype::float64 : Dtype::uint64;
  }
  return any(Kind::integer) ? Dtype::int64 : Dtype::boolean;
}

double as_double(PickleValue value) {
  if (value.is(Kind::real)) {
    return std::bit_cast<double>(value.bits);
  }
  return value.is(Kind::integer) ? static_cast<double>(static_cast<int64_t>(value.bits))
                                 : static_cast<double>(value.bits);
}

std::vector<std::byte> bytes_of(const Items& numbers, Dtype dtype) {
  const size_t size = size_of(dtype);
  std::vector<std::byte> out(numbers.size() * size);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const uint64_t bits =
        dtype == Dtype::float64 ? std::bit_cast<uint64_t>(as_double(numbers[i])) : numbers[i].bits;
    std::memcpy(out.data() + i * size, &bits, size);
  }
  return out;
}

/// Walks through the dicts and lists of a pickle.
class Contents {
 public:
  Contents(const Pickle& pickle, const std::string& stem)
      : pickle_(pickle),
        stem_(stem),
        most_met_(std::min(kMaxPickleValues, kUsualMet + kMostShared * pickle.item_count())) {}

  TorchContents read() && {
    add("", pickle_.root(), 0);
    return std::move(out_);
  }

 private:
  /// Values are counted as often as they are met: shared ones may stand in many places.
  void count(size_t depth) {
    if (depth > kMaxDepth) {
      throw Error(fmt::format("dicts and lists are nested over {} deep", kMaxDepth));
    }
    if (++met_ > most_met_) {
      throw Error(fmt::format(
          "the file holds over {} values, the same lists and dicts again and again", most_met_));
    }
  }

  void add(const std::string& name, PickleValue value, size_t depth) {
    count(depth);
    switch (value.kind) {
      case Kind::dict:
        return add_dict(name, pickle_.items(value), depth);
      case Kind::list:
      case Kind::tuple:
        return add_list(name, pickle_.items(value), depth);
      case Kind::call:
        return add_call(name, value, depth);
      case Kind::text:
        if (const auto text = pickle_.text(value); is_utf8(text) && is_utf8(name)) {
          out_.texts.emplace(name, text);
        }
        return;
      case Kind::persistent:
        throw Error(fmt::format("{} is a bare storage: save a tensor", shown(name)));
      case Kind::none:
      case Kind::bytes:
        return;
      case Kind::global:
        if (is_torch_dtype(pickle_.global(value))) {
          return;
        }
        throw Error(fmt::format(
            "{} is {}, no tensor: save tensors in a dict", shown(name), pickle_.global(value)));
      default:
        add_numbers(name, {value}, {});
    }
  }

  static std::string shown(const std::string& name) {
    return name.empty() ? "the whole file" : name;
  }

  std::string key_of(const std::string& name, PickleValue key) const {
    if (key.is(Kind::text)) {
      return std::string(pickle_.text(key));
    }
    if (key.is(Kind::integer)) {
      return fmt::format("{}", static_cast<int64_t>(key.bits));
    }
    throw Error(fmt::format(
        "a key of {} is {}, expected text or a whole number", shown(name), name_of(key.kind)));
  }

  std::string joined(const std::string& name, const std::string& key) {
    std::string out = name.empty() ? key : fmt::format("{}.{}", name, key);
    name_bytes_ += out.size();
    if (name_bytes_ > kMaxNameBytes) {
      throw Error(fmt::format("the names take over {} bytes", kMaxNameBytes));
    }
    return out;
  }

  void add_dict(const std::string& name, const Items& items, size_t depth) {
    for (size_t i = 0; i < items.size(); i += 2) {
      add(joined(name, key_of(name, items[i])), items[i + 1], depth + 1);
    }
  }

  void add_list(const std::string& name, const Items& items, size_t depth) {
    if (!items.empty() && std::all_of(items.begin(), items.end(), is_number)) {
      met_ += items.size();
      count(depth);
      return add_numbers(name, items, {static_cast<int64_t>(items.size())});
    }
    for (size_t i = 0; i < items.size(); ++i) {
      add(joined(name, fmt::format("{}", i)), items[i], depth + 1);
    }
  }

  void add_numbers(const std::string& name, const Items& numbers, Shape shape) {
    TorchTensor tensor;
    tensor.info = {"", dtype_of(numbers), std::move(shape)};
    tensor.values = bytes_of(numbers, tensor.info.dtype);
    add_tensor(name, std::move(tensor));
  }

  void add_call(const std::string& name, PickleValue value, size_t depth) {
    const Items& items = pickle_.items(value);
    const std::string& function = pickle_.global(items.front());
    if (function == "torch.device" || function == "torch.serialization._get_layout" ||
        function == "_codecs.encode") {
      return;
    }
    if (function == "torch.Size" && items.size() == 2) {
      return add(name, items[1], depth + 1);
    }
    if (function.ends_with(".complex") && items.size() == 3 && is_number(items[1]) &&
        is_number(items[2])) {
      TorchTensor tensor;
      tensor.info = {"", Dtype::complex128, {}};
      tensor.values = bytes_of({items[1], items[2]}, Dtype::float64);
      return add_tensor(name, std::move(tensor));
    }
    add_tensor(name, with_context(shown(name), [&] { return torch_view(pickle_, value); }));
  }

  void add_tensor(const std::string& name, TorchTensor tensor) {
    tensor.info.name = name.empty() ? stem_ : name;
    check_name(tensor.info.name);
    if (!names_.insert(tensor.info.name).second) {
      throw Error(fmt::format("two tensors are named {}", tensor.info.name));
    }
    out_.tensors.push_back(std::move(tensor));
  }

  const Pickle& pickle_;
  std::string stem_;
  size_t most_met_;
  size_t met_ = 0, name_bytes_ = 0;
  std::unordered_set<std::string> names_;
  TorchContents out_;
};

} // namespace

TorchContents torch_contents(const Pickle& pickle, const std::string& stem) {
  return Contents(pickle, stem).read();
}

} // namespace mflux::artifacts
