#include "mflux/artifacts/torch_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "mflux/artifacts/torch_globals.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

using Kind = PickleValue::Kind;
using Arguments = std::span<const PickleValue>;

constexpr size_t kMaxAxes = 64;
constexpr int kMaxWrappers = 4; ///< a parameter of a tensor with attributes, and to spare

struct StorageClaim {
  std::string key;
  std::optional<Dtype> dtype; ///< nothing when untyped: then counted in bytes
  int64_t count = 0;
};

class View {
 public:
  explicit View(const Pickle& pickle) : pickle_(pickle) {}

  TorchTensor of_call(PickleValue call, int depth) const {
    if (!call.is(Kind::call)) {
      throw Error(fmt::format("expected a tensor, got {}", name_of(call.kind)));
    }
    const auto& items = pickle_.items(call);
    return of(pickle_.global(items.front()), Arguments(items).subspan(1), depth);
  }

 private:
  TorchTensor of(const std::string& function, Arguments arguments, int depth) const {
    constexpr std::string_view kUtils = "torch._utils.";
    const auto is = [&](std::string_view name) {
      return function.starts_with(kUtils) && function.substr(kUtils.size()) == name;
    };
    if (is("_rebuild_tensor") || is("_rebuild_tensor_v2")) {
      need(function, arguments, is("_rebuild_tensor") ? 4 : 6);
      refuse_lazy(arguments.subspan(4), 2);
      return rebuilt(arguments, std::nullopt);
    }
    if (is("_rebuild_tensor_v3")) {
      need(function, arguments, 7);
      refuse_lazy(arguments.subspan(4), 3);
      return rebuilt(arguments, torch_dtype(global(arguments[6])));
    }
    if (depth > kMaxWrappers) {
      throw Error("a tensor is wrapped too often");
    }
    if (is("_rebuild_parameter") || is("_rebuild_parameter_with_state")) {
      need(function, arguments, 1);
      return of_call(arguments[0], depth + 1);
    }
    if (function == "torch._tensor._rebuild_from_type_v2") {
      need(function, arguments, 3);
      check_type(global(arguments[1]));
      if (!arguments[2].is(Kind::tuple)) {
        throw Error(fmt::format("{} is given {}", function, name_of(arguments[2].kind)));
      }
      return of(global(arguments[0]), pickle_.items(arguments[2]), depth + 1);
    }
    throw Error(fmt::format("a call of {} makes no tensor", function));
  }

  static void need(const std::string& function, Arguments arguments, size_t count) {
    if (arguments.size() < count) {
      throw Error(fmt::format(
          "{} is given {} arguments, expected at least {}", function, arguments.size(), count));
    }
  }

  const std::string& global(PickleValue value) const {
    if (!value.is(Kind::global)) {
      throw Error(fmt::format("expected a name of torch, got {}", name_of(value.kind)));
    }
    return pickle_.global(value);
  }

  static void check_type(const std::string& type) {
    if (type != "torch.Tensor" && !type.starts_with("torch.nn.parameter.")) {
      throw Error(fmt::format("the tensor's class {} is not read: save a plain tensor", type));
    }
  }

  /// After requires_grad, hooks and so on may stand a dict that marks a lazy conjugate or negative.
  void refuse_lazy(Arguments rest, size_t before) const {
    for (const auto value : rest.subspan(std::min(before, rest.size()))) {
      if (!value.is(Kind::dict)) {
        continue;
      }
      const auto& items = pickle_.items(value);
      for (size_t i = 0; i < items.size(); i += 2) {
        const bool set = !items[i + 1].is(Kind::boolean) || items[i + 1].bits != 0;
        if (items[i].is(Kind::text) && set) {
          throw Error(fmt::format(
              "is a view marked \"{}\": save x.resolve_conj().resolve_neg()",
              pickle_.text(items[i])));
        }
      }
    }
  }

  int64_t whole(PickleValue value, std::string_view what) const {
    if (!value.is(Kind::integer) || static_cast<int64_t>(value.bits) < 0) {
      throw Error(fmt::format(
          "its {} is {}, expected a whole number from 0 to 2^63",
          what,
          value.is(Kind::integer) ? fmt::format("{}", static_cast<int64_t>(value.bits))
                                  : std::string(name_of(value.kind))));
    }
    return static_cast<int64_t>(value.bits);
  }

  std::vector<int64_t> wholes(PickleValue value, std::string_view what) const {
    if (value.is(Kind::call) && pickle_.items(value).size() == 2 &&
        pickle_.global(pickle_.items(value)[0]) == "torch.Size") {
      return wholes(pickle_.items(value)[1], what);
    }
    if (!value.is(Kind::tuple) && !value.is(Kind::list)) {
      throw Error(fmt::format("its {} is {}, expected a tuple", what, name_of(value.kind)));
    }
    std::vector<int64_t> out;
    const auto& items = pickle_.items(value);
    if (items.size() > kMaxAxes) {
      throw Error(fmt::format("it has {} axes, at most {} are read", items.size(), kMaxAxes));
    }
    for (const auto item : items) {
      out.push_back(whole(item, what));
    }
    return out;
  }

  StorageClaim claim_of(PickleValue value) const {
    if (!value.is(Kind::persistent)) {
      throw Error(fmt::format("its storage is {}", name_of(value.kind)));
    }
    const auto id = pickle_.items(value).front();
    const auto is_text = [](PickleValue part) { return part.is(Kind::text); };
    const auto* const parts = id.is(Kind::tuple) ? &pickle_.items(id) : nullptr;
    if (parts == nullptr || parts->size() < 5 || !is_text((*parts)[0]) || !is_text((*parts)[2]) ||
        pickle_.text((*parts)[0]) != "storage") {
      throw Error("its storage is not (\"storage\", class, key, location, count)");
    }
    return {
        std::string(pickle_.text((*parts)[2])),
        dtype_of_storage(global((*parts)[1])),
        whole((*parts)[4], "storage's count")};
  }

  TorchTensor rebuilt(Arguments arguments, std::optional<Dtype> dtype) const {
    const StorageClaim claim = claim_of(arguments[0]);
    if (!dtype && !claim.dtype) {
      throw Error("its storage is untyped, and so is the tensor");
    }
    TorchTensor out;
    out.info.dtype = dtype.value_or(claim.dtype.value_or(Dtype::uint8));
    out.info.shape = wholes(arguments[2], "shape");
    out.storage = claim.key;
    const auto size = static_cast<int64_t>(size_of(out.info.dtype));
    int64_t bytes = 0;
    const auto unit =
        static_cast<int64_t>(claim.dtype ? size_of(*claim.dtype) : 1); // untyped ones count bytes
    if (__builtin_mul_overflow(claim.count, unit, &bytes)) {
      throw Error(fmt::format("its storage claims {} elements", claim.count));
    }
    out.storage_size = static_cast<size_t>(bytes);
    place(out, whole(arguments[1], "storage offset"), wholes(arguments[3], "stride"), bytes / size);
    return out;
  }

  /// Sets offset and strides; `held` are the storage's elements.
  static void place(
      TorchTensor& out, int64_t offset, const std::vector<int64_t>& strides, int64_t held) {
    const Shape& shape = out.info.shape;
    const auto size = static_cast<int64_t>(size_of(out.info.dtype));
    if (strides.size() != shape.size()) {
      throw Error(
          fmt::format("its shape has {} axes and its stride {}", shape.size(), strides.size()));
    }
    out.strides = c_strides(out.info.dtype, shape);
    const int64_t count = element_count(shape);
    if (count == 0) {
      return;
    }
    int64_t last = offset;
    bool outside = false;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      int64_t reach = 0;
      outside |= __builtin_mul_overflow(shape[axis] - 1, strides[axis], &reach) ||
                 __builtin_add_overflow(last, reach, &last);
    }
    if (outside || last >= held) {
      throw Error(fmt::format(
          "shape {}, stride {} and storage offset {} reach outside its storage of {} elements",
          to_string(shape),
          to_string(strides),
          offset,
          held));
    }
    if (count > held && count > kMaxExpanded) {
      throw Error(fmt::format(
          "it expands {} elements to {}, at most {} are read: save less of it",
          held,
          count,
          kMaxExpanded));
    }
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] > 1) {
        out.strides[axis] = strides[axis] * size; // within the storage, as last is
      }
    }
    out.offset = static_cast<size_t>(offset * size);
  }

  const Pickle& pickle_;
};

} // namespace

TorchTensor torch_view(const Pickle& pickle, PickleValue call) {
  return View(pickle).of_call(call, 0);
}

} // namespace mflux::artifacts
