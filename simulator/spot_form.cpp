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

// What one step of the calculation leaves for the next.
struct Point {
    float y0, y1, y2;  // first the place; in the last step y0 is the square across r, y1 along it, y2 the skew
    float value;
};

inline Point place(const SpotForm& w, float in, float out) {
    const float s = in * (w.slope_inner + w.metric * in) + out * (w.slope_outer + w.metric * out);
    // 1 - 1 / sqrt(1 + s) to 3e-7 for |s| <= 0.15, far beyond most spots; to 2e-5 for |s| <= 0.3.
    const float s2 = s * s;
    const float m = s * ((0.5F - 0.375F * s + s2 * (0.3125F - 0.2734375F * s)) +
                         s2 * s2 * (0.24609375F - 0.2255859F * s + s2 * 0.2094727F));
    const float a0 = w.inner[0] * in + w.outer[0] * out;
    const float a1 = w.inner[1] * in + w.outer[1] * out;
    const float a2 = w.inner[2] * in + w.outer[2] * out;
    const float y0 = w.centre[0] + a0 - m * (a0 + w.ray[0]);
    const float y1 = w.centre[1] + a1 - m * (a1 + w.ray[1]);
    const float y2 = w.centre[2] + a2 - m * (a2 + w.ray[2]);
    const float near = 1.0F - m;
    const float value = w.amplitude * near * near * near * (1.0F + w.factor_inner * in + w.factor_outer * out);
    return {y0, y1, y2, value};
}

// The likeliest e at (across, y2), as if the spectrum were Gaussian in e.
inline float likeliest(const SpotForm& w, float across2, float y2) {
    const float z = w.length + y2;
    return (across2 + z * y2 + w.mean_per_band2) / (across2 + z * z + w.per_band2);
}

template <Kind kind, bool cap, bool bent, bool clipped, bool stretched>
inline Point smear(const SpotForm& w, const float* band, Point point) {
    const float y0 = point.y0;
    const float y1 = point.y1;
    float y2 = point.y2;
    float value = point.value;
    const float across2 = y0 * y0 + y1 * y1;
    // The blur along r is what edges cut out of it, and takes the place across r with it.
    constexpr bool tilted = cap && (kind == Kind::top_hat || kind == Kind::table);
    if constexpr (bent || clipped || stretched) {
        float f0 = y0;
        float f1 = y1;
        float f2 = y2;
        if constexpr (kind != Kind::sharp) {
            const float z = w.length + y2;
            const float e = larger(smaller(likeliest(w, across2, y2), w.half_range), -w.half_range);
            f0 -= e * y0;
            f1 -= e * y1;
            f2 -= e * z;
            if constexpr (stretched) {
                // Its variance goes as the square of the wavenumber; to second order, as if it were round across r.
                const float more = e * (e - 2.0F);
                const float share = f0 * (w.source[0] * f0 + w.source[3] * f1 + w.source[4] * f2) +
                                    f1 * (w.source[1] * f1 + w.source[5] * f2) + f2 * w.source[2] * f2;
                const float part = more * w.source_across;
                value *= fast_exp(0.5F * more * share * (1.0F - part) - part * (1.0F - 0.5F * part));
            }
        }
        if constexpr (tilted) {
            f0 -= w.tilt_0 * f2;
            f1 -= w.tilt_1 * f2;
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
            // The spectrum is Gaussian in wavelength, 1 / (1 - e), which is expanded about the likeliest e: to first
            // order, and to second by its mean over what e may be there. Two reciprocals by one division, twice.
            const float precision = v2 + w.per_band2;
            const float joint = along + w.mean_per_band2;
            const float rest = precision - joint;
            const float per_both = 1.0F / (precision * rest);
            const float likely = joint * rest * per_both;
            const float wavelength = precision * precision * per_both;
            const float stretch = wavelength * wavelength;
            const float width2 = w.band2 * v2 + stretch * stretch;
            const float both = 1.0F / (v2 * width2);
            const float per_v2 = both * width2;
            const float per_width2 = both * v2;
            const float spread = rest * per_both;  // variance of e
            const float line =
                wavelength * likely + stretch * (along * per_v2 - likely + wavelength * spread) - w.band_mean;
            value *= stretch * std::sqrt(per_width2);
            const float exponent = line * line * v2 * per_width2;
            c2 *= length2 * per_v2;
            c2 += exponent;
        } else if constexpr (tilted) {
            const float per_z = 1.0F / z;
            float density = 0.0F;  // of y2
            float slope = 0.0F;
            if constexpr (kind == Kind::top_hat) {
                const float low = y2 - w.half_range * z;
                const float high = y2 + w.half_range * z;
                density = normal_probability(low, high);
                slope = 0.39894228F * (fast_exp(-0.5F * high * high) - fast_exp(-0.5F * low * low));
            } else {
                const float bin =
                    larger(smaller((y2 * per_z - w.band_first) * w.band_per_bin, w.band_high), w.band_low);
                const int i = static_cast<int>(bin);
                const float f = bin - static_cast<float>(i);
                const float step = band[i + 1] - band[i];
                density = band[i] + f * step;
                slope = step * w.band_per_bin * per_z;
            }
            // The mean of a blur of unit variance, given where it was added to the spectrum (Tweedie's formula).
            constexpr float faint = 1e-6F;
            const float most = larger(std::abs(y2), 1.0F);
            const float mean = larger(smaller(-slope / (density + faint), most), -most);
            const float e = larger(smaller((y2 - mean) * per_z, w.half_range), -w.half_range);
            value *= density * per_z;
            if constexpr (kind == Kind::top_hat) {
                const float stretch = 1.0F + e * (1.0F + e * (1.0F + e));
                value *= w.top_hat_scale * stretch * stretch;
            }
            const float a0 = y0 - e * y0 - w.tilt_0 * mean;
            const float a1 = y1 - e * y1 - w.tilt_1 * mean;
            c2 = a0 * a0 + a1 * a1;
            const float skew = (w.skew_0 * (a0 * a0 - a1 * a1) + 2.0F * w.skew_1 * a0 * a1) / (c2 + 1e-12F);
            return {c2, 0.0F, skew, value};
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
        return {larger(c2 - radial2, 0.0F), radial2, skew, value};
    } else {
        return {c2, 0.0F, 0.0F, value};
    }
}

template <bool cap>
inline float intensity_of(const SpotForm& w, const float* caps, Point point) {
    if constexpr (cap) {
        return point.value * fast_exp(-0.5F * point.y1) * MosaicCapTable::at(caps, point.y0, point.y2, w.cap_last);
    } else {
        return point.value * fast_exp(-0.5F * point.y0);
    }
}

// The restricted pointers are what lets look-ups in tables become gathers.
template <Kind kind, bool cap, bool bent, bool clipped, bool stretched = false>
[[gnu::noinline]] void set_points(const SpotForm& form, const float* __restrict caps, const float* __restrict band,
                                  const float* __restrict inner_px, const float* __restrict outer_px, int count,
                                  float* __restrict intensity) {
    const SpotForm w = form;
    // Three loops of short chains of dependent operations: the processor overlaps more points than in one.
    constexpr int chunk = 128;
    alignas(32) float y0[chunk];
    alignas(32) float y1[chunk];
    alignas(32) float y2[chunk];
    alignas(32) float value[chunk];
    for (int first = 0; first < count; first += chunk) {
        const int whole = (count - first < chunk ? count - first : chunk) / 8 * 8;  // no remainder, no code for one
        for (int i = 0; i < whole; ++i) {
            const Point point = place(w, inner_px[first + i], outer_px[first + i]);
            y0[i] = point.y0;
            y1[i] = point.y1;
            y2[i] = point.y2;
            value[i] = point.value;
        }
        for (int i = 0; i < whole; ++i) {
            const Point point = smear<kind, cap, bent, clipped, stretched>(w, band, {y0[i], y1[i], y2[i], value[i]});
            y0[i] = point.y0;
            if (cap) y1[i] = point.y1;
            if (cap) y2[i] = point.y2;
            value[i] = point.value;
        }
        for (int i = 0; i < whole; ++i) {
            intensity[first + i] = intensity_of<cap>(w, caps, {y0[i], y1[i], y2[i], value[i]});
        }
    }
}

template <Kind kind>
void set_kind(const SpotForm& form, SpotMethod method, const float* inner_px, const float* outer_px, int count,
              float* intensity) {
    const auto call = [&](auto set) {
        set(form, form.cap_table, form.band_table, inner_px, outer_px, count, intensity);
    };
    if (method.stretched) {
        if (method.clipped) {
            call(set_points<kind, false, true, true, true>);
        } else {
            call(set_points<kind, false, true, false, true>);
        }
    } else if (method.clipped) {
        if (method.cap) {
            call(set_points<kind, true, true, true>);
        } else {
            call(set_points<kind, false, true, true>);
        }
    } else if (method.cap) {
        if (method.bent) {
            call(set_points<kind, true, true, false>);
        } else {
            call(set_points<kind, true, false, false>);
        }
    } else if (method.bent) {
        call(set_points<kind, false, true, false>);
    } else {
        call(set_points<kind, false, false, false>);
    }
}

}  // namespace

void set_intensity(const SpotForm& form, SpotMethod method, const float* inner_px, const float* outer_px, int count,
                   float* intensity) {
    switch (method.kind) {
        case Kind::sharp:
            return set_kind<Kind::sharp>(form, method, inner_px, outer_px, count, intensity);
        case Kind::gaussian:
            return set_kind<Kind::gaussian>(form, method, inner_px, outer_px, count, intensity);
        case Kind::top_hat:
            return set_kind<Kind::top_hat>(form, method, inner_px, outer_px, count, intensity);
        case Kind::table:
            return set_kind<Kind::table>(form, method, inner_px, outer_px, count, intensity);
    }
}

}  // namespace braggbench
