#include "mflux/parity/metrics/single_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mflux/parity/metrics/single_kernel.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace mflux::parity::HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

bool run_kernel(const SingleInput&, SingleOutput&, PairIndices&) {
  return false;
}

TwoCounts count_outside_kernel(const SingleInput&, Tolerance, Tolerance) {
  return {};
}

size_t find_largest_kernel(const SingleInput&, float, float, PairIndices&) {
  return 0;
}

#else

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kKernelLanes>;
using Ints = hn::Rebind<int32_t, Floats>;
using Words = hn::Rebind<uint32_t, Floats>;
using LongWords = hn::Repartition<uint64_t, Words>;
using HalfFloats = hn::Half<Floats>;
using Doubles = hn::Rebind<double, HalfFloats>;
using Float = hn::Vec<Floats>;
using Int = hn::Vec<Ints>;
using Word = hn::Vec<Words>;
using LongWord = hn::Vec<LongWords>;
using Double = hn::Vec<Doubles>;

constexpr Floats kFloats;
constexpr Ints kInts;
constexpr Words kWords;
constexpr LongWords kLongWords;
constexpr HalfFloats kHalfFloats;
constexpr Doubles kDoubles;

/// How far ahead the cache is told what will be read: the machine's own guesses end at each page.
constexpr size_t kAhead = 512;

/// Sums of one half of the lanes in double precision.
struct DoubleSums {
  Double ref_shift, port_shift;
  Double ref = hn::Zero(kDoubles), port = ref, ref_ref = ref, port_port = ref, ref_port = ref;
  Double absolute = ref, square = ref, max_abs = ref;

  HWY_INLINE void add(hn::Vec<HalfFloats> ref_value, hn::Vec<HalfFloats> port_value) {
    const Double r = hn::PromoteTo(kDoubles, ref_value), p = hn::PromoteTo(kDoubles, port_value);
    const Double d = hn::Sub(p, r), error = hn::Abs(d);
    const Double rs = hn::Sub(r, ref_shift), ps = hn::Sub(p, port_shift);
    ref = hn::Add(ref, rs);
    port = hn::Add(port, ps);
    ref_ref = hn::MulAdd(rs, rs, ref_ref);
    port_port = hn::MulAdd(ps, ps, port_port);
    ref_port = hn::MulAdd(rs, ps, ref_port);
    absolute = hn::Add(absolute, error);
    square = hn::MulAdd(d, d, square);
    max_abs = hn::Max(max_abs, error);
  }
};

HWY_INLINE double sum_of(Double lanes) {
  return hn::GetLane(hn::SumOfLanes(kDoubles, lanes));
}

HWY_INLINE uint64_t sum_of(LongWord lanes) {
  uint64_t out[hn::MaxLanes(kLongWords)];
  hn::StoreU(lanes, kLongWords, out);
  uint64_t sum = 0;
  for (size_t i = 0; i < hn::Lanes(kLongWords); ++i) {
    sum += out[i];
  }
  return sum;
}

/// Adds (a + key) * (b + key') of each pair of words.
HWY_INLINE LongWord hash(LongWord sum, Int values, Word keys) {
  const Word keyed = hn::Add(hn::BitCast(kWords, values), keys);
  const LongWord odd = hn::ShiftRight<32>(hn::BitCast(kLongWords, keyed));
  return hn::Add(sum, hn::MulEven(keyed, hn::BitCast(kWords, odd)));
}

/// Sign and magnitude as two's complement.
HWY_INLINE Int with_sign(Int magnitude, Int sign) {
  return hn::Sub(hn::Xor(magnitude, sign), sign);
}

/// Where the table counts pairs with these places on the lattice and these |d|.
HWY_INLINE Word index_of(Int a, Int b, Float error) {
  const Word more = hn::BitCast(kWords, hn::Max(a, b)), less = hn::BitCast(kWords, hn::Min(a, b));
  const Word distance = hn::Sub(more, less);
  // Clearing what follows the leading one keeps the conversion from rounding up.
  const Word leading = hn::Min(
      hn::AndNot(hn::ShiftRight<1>(distance), distance),
      hn::Set(kWords, std::numeric_limits<int32_t>::max()));
  const Float converted = hn::ConvertTo(kFloats, hn::BitCast(kInts, leading));
  const Word column = hn::ShiftRight<23>(hn::BitCast(kWords, converted));
  const Word row = hn::ShiftRight<15>(hn::BitCast(kWords, error));
  const Word low = hn::Set(kWords, kPairColumns - 1);
  return hn::OrAnd(hn::AndNot(low, row), column, low);
}

/// Magnitudes on the lattice of a dtype with fewer exponents.
HWY_INLINE Int on_lattice(Int magnitude, const SingleInput& input) {
  const Int smallest = hn::Set(kInts, static_cast<int32_t>(input.smallest));
  const Int normal = hn::Add(hn::Sub(magnitude, smallest), hn::Set(kInts, 1 << 23));
  const Float small = hn::BitCast(kFloats, hn::Min(magnitude, smallest));
  const Int subnormal = hn::ConvertTo(kInts, hn::Mul(small, hn::Set(kFloats, input.to_lattice)));
  return hn::IfThenElse(hn::Lt(magnitude, smallest), subnormal, normal);
}

template <bool kOwnLattice>
HWY_INLINE void run(const SingleInput& input, SingleOutput& output, PairIndices& indices) {
  const Float zero = hn::Zero(kFloats), one = hn::Set(kFloats, 1);
  const Float rel_floor = hn::Set(kFloats, input.rel_floor);
  DoubleSums sums{hn::Set(kDoubles, input.ref_shift), hn::Set(kDoubles, input.port_shift)};
  Int ref_largest = hn::Zero(kInts), port_largest = ref_largest;
  Float relative = zero, passing = zero;
  LongWord ref_hash = hn::Zero(kLongWords), port_hash = ref_hash;
  size_t equal = 0, positive = 0;
  uint32_t* waiting = indices.data();
  for (size_t i = 0; i < input.size; i += hn::Lanes(kFloats)) {
    hwy::Prefetch(input.ref + i + kAhead);
    hwy::Prefetch(input.port + i + kAhead);
    const Float r = hn::LoadU(kFloats, input.ref + i), p = hn::LoadU(kFloats, input.port + i);
    sums.add(hn::LowerHalf(kHalfFloats, r), hn::LowerHalf(kHalfFloats, p));
    sums.add(hn::UpperHalf(kHalfFloats, r), hn::UpperHalf(kHalfFloats, p));

    const Float ref_size = hn::Abs(r), port_size = hn::Abs(p);
    const Int ref_bits = hn::BitCast(kInts, ref_size), port_bits = hn::BitCast(kInts, port_size);
    const Int ref_sign = hn::BroadcastSignBit(hn::BitCast(kInts, r));
    const Int port_sign = hn::BroadcastSignBit(hn::BitCast(kInts, p));
    ref_largest = hn::Max(ref_largest, ref_bits);
    port_largest = hn::Max(port_largest, port_bits);

    const Int ref_place = with_sign(ref_bits, ref_sign);
    const Int port_place = with_sign(port_bits, port_sign);
    const Word keys = hn::LoadU(kWords, input.keys + i);
    ref_hash = hash(ref_hash, ref_place, keys);
    port_hash = hash(port_hash, port_place, keys);

    const Float d = hn::Sub(p, r), error = hn::Abs(d);
    const auto differs = hn::Not(hn::Eq(d, zero));
    const size_t different = hn::CountTrue(kFloats, differs);
    equal += hn::Lanes(kFloats) - different;
    positive += hn::CountTrue(kFloats, hn::Gt(d, zero));
    if (different > 0) {
      Word index;
      if constexpr (kOwnLattice) {
        index = index_of(ref_place, port_place, error);
      } else {
        index = index_of(
            with_sign(on_lattice(ref_bits, input), ref_sign),
            with_sign(on_lattice(port_bits, input), port_sign),
            error);
      }
      hn::StoreU(hn::Compress(index, hn::RebindMask(kWords, differs)), kWords, waiting);
      waiting += different;
    }
    const Float rel = hn::Mul(error, hn::ApproximateReciprocal(hn::Max(ref_size, rel_floor)));
    relative = hn::Max(relative, rel);
    const Float pass = hn::Mul(error, hn::ApproximateReciprocal(hn::Add(ref_size, one)));
    passing = hn::Max(passing, pass);
  }
  output.ref_largest = static_cast<uint32_t>(hn::GetLane(hn::MaxOfLanes(kInts, ref_largest)));
  output.port_largest = static_cast<uint32_t>(hn::GetLane(hn::MaxOfLanes(kInts, port_largest)));
  output.sums = {
      sum_of(sums.ref),
      sum_of(sums.port),
      sum_of(sums.ref_ref),
      sum_of(sums.port_port),
      sum_of(sums.ref_port),
      sum_of(sums.absolute),
      sum_of(sums.square)};
  output.max_abs = hn::GetLane(hn::MaxOfLanes(kDoubles, sums.max_abs));
  output.relative = hn::GetLane(hn::MaxOfLanes(kFloats, relative));
  output.passing = hn::GetLane(hn::MaxOfLanes(kFloats, passing));
  output.equal = static_cast<int64_t>(equal);
  output.counted = static_cast<size_t>(waiting - indices.data());
  output.positive = static_cast<int64_t>(positive);
  output.ref_hash = sum_of(ref_hash);
  output.port_hash = sum_of(port_hash);
}

bool run_kernel(const SingleInput& input, SingleOutput& output, PairIndices& indices) {
  if (input.smallest == 0) {
    run<true>(input, output, indices);
  } else {
    run<false>(input, output, indices);
  }
  return true;
}

/// Counts pairs outside of two tolerances in one half of the lanes.
struct OutsideCounter {
  Double atol, rtol, other_atol, other_rtol;
  size_t count = 0, other_count = 0;

  HWY_INLINE void add(hn::Vec<HalfFloats> ref_value, hn::Vec<HalfFloats> port_value) {
    const Double ref = hn::PromoteTo(kDoubles, ref_value);
    const Double port = hn::PromoteTo(kDoubles, port_value);
    const Double error = hn::Abs(hn::Sub(port, ref)), size = hn::Abs(ref);
    // Not fused: NumPy rounds the product, too.
    const Double allowed = hn::Add(atol, hn::Mul(rtol, size));
    const Double other_allowed = hn::Add(other_atol, hn::Mul(other_rtol, size));
    count += hn::CountTrue(kDoubles, hn::Gt(error, allowed));
    other_count += hn::CountTrue(kDoubles, hn::Gt(error, other_allowed));
  }
};

TwoCounts count_outside_kernel(const SingleInput& input, Tolerance first, Tolerance second) {
  OutsideCounter counter{
      hn::Set(kDoubles, first.atol),
      hn::Set(kDoubles, first.rtol),
      hn::Set(kDoubles, second.atol),
      hn::Set(kDoubles, second.rtol)};
  for (size_t i = 0; i < input.size; i += hn::Lanes(kFloats)) {
    const Float r = hn::LoadU(kFloats, input.ref + i), p = hn::LoadU(kFloats, input.port + i);
    counter.add(hn::LowerHalf(kHalfFloats, r), hn::LowerHalf(kHalfFloats, p));
    counter.add(hn::UpperHalf(kHalfFloats, r), hn::UpperHalf(kHalfFloats, p));
  }
  return {static_cast<int64_t>(counter.count), static_cast<int64_t>(counter.other_count)};
}

size_t find_largest_kernel(
    const SingleInput& input, float relative, float passing, PairIndices& places) {
  const Float rel_floor = hn::Set(kFloats, input.rel_floor);
  const Float least_relative = hn::Set(kFloats, relative),
              least_passing = hn::Set(kFloats, passing);
  size_t count = 0;
  for (size_t i = 0; i < input.size; i += hn::Lanes(kFloats)) {
    const Float r = hn::LoadU(kFloats, input.ref + i), p = hn::LoadU(kFloats, input.port + i);
    const Float error = hn::Abs(hn::Sub(p, r)), size = hn::Abs(r);
    const auto found = hn::Or(
        hn::Ge(error, hn::Mul(least_relative, hn::Max(size, rel_floor))),
        hn::Ge(error, hn::MulAdd(least_passing, size, least_passing)));
    if (hn::AllFalse(kFloats, found)) {
      continue;
    }
    uint8_t bits[8] = {};
    hn::StoreMaskBits(kFloats, found, bits);
    for (size_t lane = 0; lane < hn::Lanes(kFloats); ++lane) {
      if (bits[lane / 8] >> lane % 8 & 1) {
        places[count++] = static_cast<uint32_t>(i + lane);
      }
    }
  }
  return count;
}

#endif
} // namespace mflux::parity::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mflux::parity {

HWY_EXPORT(run_kernel);

bool run_single_kernel(const SingleInput& input, SingleOutput& output, PairIndices& indices) {
  return HWY_DYNAMIC_DISPATCH(run_kernel)(input, output, indices);
}

HWY_EXPORT(count_outside_kernel);

TwoCounts count_outside(const SingleInput& input, Tolerance first, Tolerance second) {
  return HWY_DYNAMIC_DISPATCH(count_outside_kernel)(input, first, second);
}

HWY_EXPORT(find_largest_kernel);

size_t find_largest(const SingleInput& input, float relative, float passing, PairIndices& places) {
  return HWY_DYNAMIC_DISPATCH(find_largest_kernel)(input, relative, passing, places);
}

} // namespace mflux::parity
#endif
