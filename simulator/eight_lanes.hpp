// Eight pixels at a time, for what compilers do not make of loops by themselves. The types stay within source files:
// how processors without AVX would pass them to functions does not matter (-Wno-psabi).
#pragma once

#include <cmath>
#include <cstdint>
#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace braggbench {

using Floats [[gnu::vector_size(32), gnu::may_alias]] = float;
using Ints [[gnu::vector_size(32), gnu::may_alias]] = std::int32_t;
using Bits [[gnu::vector_size(32), gnu::may_alias]] = std::uint32_t;

#ifdef __AVX2__
inline bool any(Ints lanes) { return _mm256_movemask_ps(_mm256_castsi256_ps(reinterpret_cast<__m256i>(lanes))) != 0; }
inline Floats lower(Floats a, float b) { return _mm256_min_ps(a, _mm256_set1_ps(b)); }
inline Floats floors(Floats values) { return _mm256_floor_ps(values); }
inline Ints gather(const std::uint32_t* table, Ints index) {
    return reinterpret_cast<Ints>(
        _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), reinterpret_cast<__m256i>(index), 4));
}
// To 3e-7. Processors' estimates differ in their last bits.
inline Floats inverse_root(Floats values) {
    const Floats estimate = _mm256_rsqrt_ps(values);
    return estimate * (1.5F - 0.5F * values * estimate * estimate);
}
#else
inline bool any(Ints lanes) {
    std::int32_t all = 0;
    for (int lane = 0; lane < 8; ++lane) all |= lanes[lane];
    return all != 0;
}
inline Floats lower(Floats a, float b) { return a < b ? a : a * 0.0F + b; }
inline Floats floors(Floats values) {
    for (int lane = 0; lane < 8; ++lane) values[lane] = std::floor(values[lane]);
    return values;
}
inline Ints gather(const std::uint32_t* table, Ints index) {
    for (int lane = 0; lane < 8; ++lane) index[lane] = static_cast<std::int32_t>(table[index[lane]]);
    return index;
}
inline Floats inverse_root(Floats values) {
    for (int lane = 0; lane < 8; ++lane) values[lane] = 1.0F / std::sqrt(values[lane]);
    return values;
}
#endif
// From any address.
inline Floats loose_floats(const float* values) {
    using Loose [[gnu::vector_size(32), gnu::aligned(4), gnu::may_alias]] = float;
    return *reinterpret_cast<const Loose*>(values);
}
inline Floats magnitude(Floats a) { return reinterpret_cast<Floats>(reinterpret_cast<Ints>(a) & 0x7fffffff); }

}  // namespace braggbench
