#include "mflux/artifacts/torch_globals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr std::string_view kUntypedStorage = "torch.storage.UntypedStorage";

constexpr std::array<std::pair<std::string_view, Dtype>, 12> kStorages{{
    {"torch.BoolStorage", Dtype::boolean},
    {"torch.ByteStorage", Dtype::uint8},
    {"torch.CharStorage", Dtype::int8},
    {"torch.ShortStorage", Dtype::int16},
    {"torch.IntStorage", Dtype::int32},
    {"torch.LongStorage", Dtype::int64},
    {"torch.HalfStorage", Dtype::float16},
    {"torch.BFloat16Storage", Dtype::bfloat16},
    {"torch.FloatStorage", Dtype::float32},
    {"torch.DoubleStorage", Dtype::float64},
    {"torch.ComplexFloatStorage", Dtype::complex64},
    {"torch.ComplexDoubleStorage", Dtype::complex128},
}};

/// torch's dtypes by their names in a pickle; nothing where Dtype has none.
constexpr std::array<std::pair<std::string_view, std::optional<Dtype>>, 36> kDtypes{{
    {"bool", Dtype::boolean},
    {"uint8", Dtype::uint8},
    {"int8", Dtype::int8},
    {"uint16", Dtype::uint16},
    {"int16", Dtype::int16},
    {"uint32", Dtype::uint32},
    {"int32", Dtype::int32},
    {"uint64", Dtype::uint64},
    {"int64", Dtype::int64},
    {"float8_e4m3fn", Dtype::float8_e4m3},
    {"float8_e5m2", Dtype::float8_e5m2},
    {"float16", Dtype::float16},
    {"bfloat16", Dtype::bfloat16},
    {"float32", Dtype::float32},
    {"float64", Dtype::float64},
    {"complex64", Dtype::complex64},
    {"complex128", Dtype::complex128},
    {"complex32", std::nullopt},
    {"float8_e4m3fnuz", std::nullopt},
    {"float8_e5m2fnuz", std::nullopt},
    {"float8_e8m0fnu", std::nullopt},
    {"float4_e2m1fn_x2", std::nullopt},
    {"bits1x8", std::nullopt},
    {"bits2x4", std::nullopt},
    {"bits4x2", std::nullopt},
    {"bits8", std::nullopt},
    {"bits16", std::nullopt},
    {"quint8", std::nullopt},
    {"qint8", std::nullopt},
    {"qint32", std::nullopt},
    {"quint4x2", std::nullopt},
    {"quint2x4", std::nullopt},
    {"int1", std::nullopt},
    {"int4", std::nullopt},
    {"uint1", std::nullopt},
    {"uint4", std::nullopt},
}};

constexpr std::array<std::string_view, 16> kOthers{
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch._tensor._rebuild_from_type_v2",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.serialization._get_layout",
    "_codecs.encode", // bytes in protocol 2
    "__builtin__.complex",
    "builtins.complex",
};

const std::optional<Dtype>* find_dtype(std::string_view global) {
  constexpr std::string_view kModule = "torch.";
  if (!global.starts_with(kModule)) {
    return nullptr;
  }
  const auto found = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& entry) {
    return entry.first == global.substr(kModule.size());
  });
  return found == kDtypes.end() ? nullptr : &found->second;
}

bool is_storage(std::string_view global) {
  return global == kUntypedStorage ||
         std::any_of(kStorages.begin(), kStorages.end(), [&](const auto& entry) {
           return entry.first == global;
         });
}

std::string_view remedy_for(std::string_view global) {
  const auto starts = [&](std::string_view start) { return global.starts_with(start); };
  if (starts("numpy.")) {
    return "turn NumPy values into tensors first (torch.from_numpy, .item())";
  }
  if (global == "torch._utils._rebuild_qtensor" || starts("torch.Q")) {
    return "quantized tensors are not read; save x.dequantize()";
  }
  if (global.find("sparse") != global.npos) {
    return "sparse tensors are not read; save x.to_dense()";
  }
  if (global.find("_meta_tensor") != global.npos) {
    return "a tensor on the meta device has no values";
  }
  if (starts("torch.nn.") || starts("__main__.") || starts("torch.fx.")) {
    return "objects are not read; save model.state_dict(), or tensors in a dict";
  }
  return "nothing in a file is ever executed, and only dicts, lists and tuples of tensors are "
         "read; "
         "save torch.save({\"name\": tensor})";
}

} // namespace

void check_torch_global(const std::string& global) {
  if (!is_storage(global) && !is_torch_dtype(global) &&
      std::find(kOthers.begin(), kOthers.end(), global) == kOthers.end()) {
    throw Error(fmt::format("the file refers to {}: {}", global, remedy_for(global)));
  }
}

std::optional<Dtype> dtype_of_storage(std::string_view global) {
  if (global == kUntypedStorage) {
    return std::nullopt;
  }
  for (const auto& [name, dtype] : kStorages) {
    if (name == global) {
      return dtype;
    }
  }
  throw Error(fmt::format("{} is no storage class that is read", global));
}

Dtype torch_dtype(std::string_view global) {
  const auto* const dtype = find_dtype(global);
  if (dtype == nullptr) {
    throw Error(fmt::format("{} is no torch.dtype", global));
  }
  if (!dtype->has_value()) {
    throw Error(fmt::format(
        "tensors of {} are not read: save another dtype, such as x.to(torch.{})",
        global,
        global == "torch.complex32" ? "complex64" : "float32"));
  }
  return **dtype;
}

bool is_torch_dtype(std::string_view global) {
  return find_dtype(global) != nullptr;
}

} // namespace mflux::artifacts
