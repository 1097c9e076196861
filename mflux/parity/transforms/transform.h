#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

// Each transform and, as x, the NumPy expression that it equals. Axes may count from the end.

/// `permute 0,2,1,3`: x.transpose(axes). A view.
struct Permute {
  std::vector<int64_t> axes;
};

/// `transpose A,B`: x.swapaxes(a, b). A view.
struct Transpose {
  int64_t a, b;
};

/// `reshape 1,64,-1,48`: x.reshape(shape). A view where the elements lie in C order.
struct Reshape {
  artifacts::Shape shape;
};

/// `flip AXIS`: np.flip(x, axis). A view.
struct Flip {
  int64_t axis;
};

/// `roll AXIS,SHIFT`: np.roll(x, shift, axis).
struct Roll {
  int64_t axis, shift;
};

/// `slice AXIS,begin,end[,step]`: x[begin:end:step] along an axis, step > 0; an empty `end` is the
/// axis's own. A view. Unlike NumPy it refuses a range that leaves the axis or keeps nothing.
struct Slice {
  int64_t axis, begin;
  std::optional<int64_t> end;
  int64_t step = 1;
};

/// `swap_halves [AXIS]`, the last by default: np.roll(x, n // 2, axis), n even.
struct SwapHalves {
  int64_t axis = -1;
};

/// How a rotary embedding lays its pairs out along an axis: element i with i + d/2, or 2i with
/// 2i + 1.
enum class Pairing { half, interleaved };

/// `rope interleaved->half[,HEAD_DIM[,AXIS]]` and `rope half->interleaved…`: along the axis (the
/// last), within each HEAD_DIM elements (all of them), moves the elements that one pairing pairs to
/// where the other has them. To half, d = HEAD_DIM:
/// x.reshape(…, n // d, d // 2, 2).swapaxes(-1, -2).reshape(x.shape); to interleaved:
/// x.reshape(…, n // d, 2, d // 2).swapaxes(-1, -2).reshape(x.shape).
struct Rope {
  Pairing to;
  std::optional<int64_t> head_dim;
  int64_t axis = -1;
};

/// `cast bfloat16`: x.astype(dtype).astype(x.dtype), through float32 where NumPy's and torch's
/// bfloat16 do. Integers truncate towards zero.
struct Cast {
  artifacts::Dtype dtype;
};

/// `scale C`: (x.astype(np.float64) * c).astype(x.dtype); integers become float64, complex numbers
/// scale both parts.
struct Scale {
  double factor;
};

/// `add C`: (x.astype(np.float64) + c).astype(x.dtype); integers become float64.
struct Add {
  double term;
};

/// `negate`: -x.
struct Negate {};

using Transform = std::variant<
    Permute,
    Transpose,
    Reshape,
    Flip,
    Roll,
    Slice,
    SwapHalves,
    Rope,
    Cast,
    Scale,
    Add,
    Negate>;

/// What is applied from left to right.
using Chain = std::vector<Transform>;

/// Reads one of the spellings above. Throws Error (one line) on an unknown name, naming the
/// nearest, and on arguments that do not fit it.
Transform parse_transform(std::string_view text);

/// Reads transforms with | between them: "permute 0,2,1 | scale 0.125". Throws Error on an empty
/// chain too.
Chain parse_chain(std::string_view text);

/// The spelling that parses to an equal transform.
std::string to_string(const Transform& transform);
std::string to_string(const Chain& chain);

/// The transform of a tensor; what is no view owns its elements. Throws Error (one line) when the
/// transform does not fit the tensor.
artifacts::Tensor transformed(const Transform& transform, const artifacts::Tensor& tensor);
artifacts::Tensor transformed(const Chain& chain, const artifacts::Tensor& tensor);

} // namespace mflux::parity
