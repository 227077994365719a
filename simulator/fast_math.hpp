// Elementary functions in forms that compilers turn into SIMD code.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numbers>

namespace braggbench {

// exp(x) for x <= 0 to 3e-7 relative, in a form that compilers turn into SIMD code.
inline float fast_exp(float x) {
    constexpr float round_magic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
    const float z = std::max(x * std::numbers::log2e_v<float>, -125.0F);
    const float whole = (z + round_magic) - round_magic;
    const float f = z - whole;
    // Taylor series of 2^f on [-0.5, 0.5], in pairs (Estrin) so that the multiplications overlap.
    const float f2 = f * f;
    const float low = 1.0F + 6.9314718e-1F * f + f2 * (2.4022651e-1F + 5.5504109e-2F * f);
    const float high = 9.6181291e-3F + 1.3333558e-3F * f + f2 * 1.5403530e-4F;
    const float p = low + f2 * f2 * high;
    return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + (static_cast<std::int32_t>(whole) << 23));
}

}  // namespace braggbench
