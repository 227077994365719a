#include "simulator/spot_form.hpp"

#include <algorithm>
#include <cmath>

#include "simulator/fast_math.hpp"
#include "simulator/mosaic_cap.hpp"

namespace braggbench {
namespace {

using Kind = WavelengthSmearing::Kind;

// By value: references to the form's members keep loops from becoming SIMD code.
inline float smaller(float a, float b) { return a < b ? a : b; }
inline float larger(float a, float b) { return a > b ? a : b; }

// 1 / (2 (1 - Phi(|x|))), Phi the normal distribution function, to 3e-7 in Phi: Abramowitz & Stegun 1964, 7.1.28.
inline float reciprocal_tails(float x) {
    const float z = smaller(std::abs(x) * 0.70710678F, 6.0F);
    float p =
        1.0F +
        z * (0.0705230784F +
             z * (0.0422820123F + z * (0.0092705272F + z * (0.0001520143F + z * (0.0002765672F + z * 0.0000430638F)))));
    p *= p;
    p *= p;
    p *= p;
    return p * p;
}

// Phi(high) - Phi(low), with one division.
inline float normal_probability(float low, float high) {
    const float a = reciprocal_tails(low);
    const float b = reciprocal_tails(high);
    const float both = 0.5F / (a * b);
    const float below = low > 0.0F ? 1.0F - both * b : both * b;
    return (high > 0.0F ? 1.0F - both * a : both * a) - below;
}

template <Kind kind, bool cap, bool bent, bool clipped>
inline float intensity_at(const SpotForm& w, const float* caps, const float* band, float in, float out) {
    const float s = in * (w.slope_inner + w.metric * in) + out * (w.slope_outer + w.metric * out);
    // 1 - 1 / sqrt(1 + s) for |s| <= largest_closeness.
    const float s2 = s * s;
    const float m = s * ((0.5F - 0.375F * s + s2 * (0.3125F - 0.2734375F * s)) +
                         s2 * s2 * (0.24609375F - 0.2255859F * s + s2 * 0.2094727F));
    const float a0 = w.inner[0] * in + w.outer[0] * out;
    const float a1 = w.inner[1] * in + w.outer[1] * out;
    const float a2 = w.inner[2] * in + w.outer[2] * out;
    const float y0 = w.centre[0] + a0 - m * (a0 + w.ray[0]);
    const float y1 = w.centre[1] + a1 - m * (a1 + w.ray[1]);
    float y2 = w.centre[2] + a2 - m * (a2 + w.ray[2]);
    const float near = 1.0F - m;
    float value = w.amplitude * near * near * near * (1.0F + w.factor_inner * in + w.factor_outer * out);
    const float across2 = y0 * y0 + y1 * y1;
    if constexpr (bent || clipped) {
        float f0 = y0;
        float f1 = y1;
        float f2 = y2;
        if constexpr (kind != Kind::sharp) {
            const float z = w.length + y2;
            float e = (across2 + z * y2) * w.posterior_share + w.posterior_mean;
            e = larger(smaller(e, w.half_range), -w.half_range);
            f0 -= e * y0;
            f1 -= e * y1;
            f2 -= e * z;
        }
        if constexpr (bent) {
            const float t0 = w.rotate[0][0] * f0 + w.rotate[0][1] * f1 + w.rotate[0][2] * f2;
            const float t1 = w.rotate[1][0] * f0 + w.rotate[1][1] * f1 + w.rotate[1][2] * f2;
            y2 += w.length * (t0 * t0 + t1 * t1 + w.bend);
        }
        if constexpr (clipped) {
            const auto inside = [&](const SpotForm::Vec3& from_y, float per_rms) {
                const float shift = from_y[0] * f0 + from_y[1] * f1 + from_y[2] * f2;
                return normal_probability((-0.5F - shift) * per_rms, (0.5F - shift) * per_rms);
            };
            value *= inside(w.index_shift[0], w.index_per_rms[0]);
            value *= inside(w.index_shift[1], w.index_per_rms[1]);
            value *= inside(w.index_shift[2], w.index_per_rms[2]);
        }
    }
    float c2 = across2;
    if constexpr (kind == Kind::sharp) {
        c2 += y2 * y2;
    } else {
        const float z = w.length + y2;
        const float v2 = across2 + z * z;
        const float along = across2 + z * y2;
        const float length2 = w.length * w.length;
        if constexpr (kind == Kind::gaussian) {
            // The spectrum is Gaussian in wavelength, 1 / (1 - e), which is expanded about the likeliest e.
            const float likely = along * w.posterior_share + w.posterior_mean;
            const float stretch = 1.0F + likely * (2.0F + 3.0F * likely);
            const float width2 = w.band2 * v2 + stretch * stretch;
            // Two reciprocals by one division.
            const float both = 1.0F / (v2 * width2);
            const float per_v2 = both * width2;
            const float per_width2 = both * v2;
            const float line =
                likely * (1.0F + likely * (1.0F + likely)) + stretch * (along * per_v2 - likely) - w.band_mean;
            value *= stretch * std::sqrt(per_width2);
            const float exponent = line * line * v2 * per_width2;
            c2 *= length2 * per_v2;
            c2 += exponent;
        } else if constexpr (kind == Kind::top_hat) {
            const float v = std::sqrt(v2);
            const float per_v = 1.0F / v;
            const float e = along * per_v * per_v;
            c2 *= length2 * per_v * per_v;
            const float inside = larger(smaller(e, w.half_range), -w.half_range);
            const float stretch = 1.0F + inside * (1.0F + inside * (1.0F + inside));
            value *= w.top_hat_scale * per_v * stretch * stretch *
                     normal_probability((e - w.half_range) * v, (e + w.half_range) * v);
        } else {
            const float per_v = 1.0F / std::sqrt(v2);
            const float e = along * per_v * per_v;
            c2 *= length2 * per_v * per_v;
            const float bin = larger(smaller((e - w.band_first) * w.band_per_bin, w.band_high), w.band_low);
            const int i = static_cast<int>(bin);
            const float f = bin - static_cast<float>(i);
            value *= per_v * (band[i] + f * (band[i + 1] - band[i]));
        }
    }
    if constexpr (cap) {
        // What lies along r by itself is a Gaussian; given that, the cap lies across it.
        const float radial = w.radial[0] * y0 + w.radial[1] * y1 + w.radial[2] * y2;
        const float radial2 = radial * radial;
        const float skew = (w.skew_0 * (y0 * y0 - y1 * y1) + 2.0F * w.skew_1 * y0 * y1) / (across2 + 1e-12F);
        return value * fast_exp(-0.5F * radial2) *
               MosaicCapTable::at(caps, larger(c2 - radial2, 0.0F), skew, w.cap_last);
    } else {
        return value * fast_exp(-0.5F * c2);
    }
}

// The restricted pointers are what lets look-ups in tables become gathers.
template <Kind kind, bool cap, bool bent, bool clipped>
[[gnu::noinline]] void add_points(const SpotForm& form, const float* __restrict caps, const float* __restrict band,
                                  const float* __restrict inner_px, const float* __restrict outer_px,
                                  std::span<const SpotShift> shifts, int count, float* __restrict intensity) {
    const SpotForm w = form;
    for (const SpotShift shift : shifts) {
        for (int i = 0; i < count; ++i) {
            intensity[i] += intensity_at<kind, cap, bent, clipped>(w, caps, band, inner_px[i] + shift.inner_px,
                                                                   outer_px[i] + shift.outer_px);
        }
    }
}

template <Kind kind, bool cap, bool bent, bool clipped>
void add_all(const SpotForm& form, const float* inner_px, const float* outer_px, std::span<const SpotShift> shifts,
             int count, float* intensity) {
    add_points<kind, cap, bent, clipped>(form, form.cap_table, form.band_table, inner_px, outer_px, shifts, count,
                                         intensity);
}

template <Kind kind>
void add_kind(const SpotForm& form, SpotMethod method, const float* inner_px, const float* outer_px,
              std::span<const SpotShift> shifts, int count, float* intensity) {
    const auto call = [&](auto add) { add(form, inner_px, outer_px, shifts, count, intensity); };
    if (method.clipped) {
        if (method.cap) {
            call(add_all<kind, true, true, true>);
        } else {
            call(add_all<kind, false, true, true>);
        }
    } else if (method.cap) {
        if (method.bent) {
            call(add_all<kind, true, true, false>);
        } else {
            call(add_all<kind, true, false, false>);
        }
    } else if (method.bent) {
        call(add_all<kind, false, true, false>);
    } else {
        call(add_all<kind, false, false, false>);
    }
}

}  // namespace

void add_intensity(const SpotForm& form, SpotMethod method, const float* inner_px, const float* outer_px,
                   std::span<const SpotShift> shifts, int count, float* intensity) {
    const auto add = [&](auto function) { function(form, method, inner_px, outer_px, shifts, count, intensity); };
    switch (method.kind) {
        case Kind::sharp:
            return add(add_kind<Kind::sharp>);
        case Kind::gaussian:
            return add(add_kind<Kind::gaussian>);
        case Kind::top_hat:
            return add(add_kind<Kind::top_hat>);
        case Kind::table:
            return add(add_kind<Kind::table>);
    }
}

}  // namespace braggbench
