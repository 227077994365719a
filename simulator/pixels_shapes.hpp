// Squared interference functions of a block, 1 at a lattice point, against the distance in indices from the nearest
// one; in forms that become SIMD code in single and in double precision.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <type_traits>

#include "simulator/fast_math.hpp"

namespace braggbench::pixels {

// Ties go to even.
template <class T>
inline T round_to_whole(T x) {
    // Adding 1.5 * 2^(bits of the mantissa) leaves no room for a fraction.
    constexpr T magic = std::is_same_v<T, float> ? T(12582912.0) : T(6755399441055744.0);
    return (x + magic) - magic;
}

template <class T, std::size_t n>
inline T horner(T x, const std::array<double, n>& coefficients) {
    T p = static_cast<T>(coefficients[n - 1]);
    for (std::size_t i = n - 1; i-- > 0;) p = p * x + static_cast<T>(coefficients[i]);
    return p;
}

constexpr double factorial(int n) { return n < 2 ? 1.0 : n * factorial(n - 1); }

// Taylor coefficients in x^2 of sin(x) / x, cos(x) and 3 (sin(x) / x - cos(x)) / x^2.
template <std::size_t n>
constexpr std::array<double, n> sinc_series() {
    std::array<double, n> c{};
    for (int i = 0; i < static_cast<int>(n); ++i) {
        c[static_cast<std::size_t>(i)] = (i % 2 == 0 ? 1.0 : -1.0) / factorial(2 * i + 1);
    }
    return c;
}
template <std::size_t n>
constexpr std::array<double, n> cosine_series() {
    std::array<double, n> c{};
    for (int i = 0; i < static_cast<int>(n); ++i) {
        c[static_cast<std::size_t>(i)] = (i % 2 == 0 ? 1.0 : -1.0) / factorial(2 * i);
    }
    return c;
}
template <std::size_t n>
constexpr std::array<double, n> sphere_series() {
    std::array<double, n> c{};
    for (int i = 0; i < static_cast<int>(n); ++i) {
        c[static_cast<std::size_t>(i)] = (i % 2 == 0 ? 1.0 : -1.0) * 3.0 * (2 * i + 2) / factorial(2 * i + 3);
    }
    return c;
}
template <std::size_t n>
constexpr std::array<double, n> exponential_series() {
    std::array<double, n> c{};
    for (int i = 0; i < static_cast<int>(n); ++i) c[static_cast<std::size_t>(i)] = 1.0 / factorial(i);
    return c;
}

// The first term left out is below the precision of T on |x| <= pi / 2 (sinc, cosine), |x| <= 1 (sphere) and
// |x| <= ln(2) / 2 (exponential).
template <class T>
inline constexpr std::size_t terms = std::is_same_v<T, float> ? 7 : 12;

inline float exp_negative(float x) { return fast_exp(x); }

// exp(x) for x <= 0 to 1e-15.
inline double exp_negative(double x) {
    constexpr auto series = exponential_series<14>();
    constexpr double magic = 6755399441055744.0;
    const double shifted = std::max(x * std::numbers::log2e, -1000.0) + magic;
    const double f = std::max(x, -1000.0 * std::numbers::ln2) - (shifted - magic) * std::numbers::ln2;
    // The low bits of `shifted` hold the whole number.
    return std::bit_cast<double>(std::bit_cast<std::int64_t>(horner(f, series)) +
                                 (std::bit_cast<std::int64_t>(shifted) << 52));
}

// |S dh|^2 for an upper triangular S.
template <class T>
class Distance2 {
public:
    explicit Distance2(const Eigen::Matrix3d& upper)
        : s00_(static_cast<T>(upper(0, 0))),
          s01_(static_cast<T>(upper(0, 1))),
          s02_(static_cast<T>(upper(0, 2))),
          s11_(static_cast<T>(upper(1, 1))),
          s12_(static_cast<T>(upper(1, 2))),
          s22_(static_cast<T>(upper(2, 2))) {}
    T operator()(T h, T k, T l) const {
        const T x = s00_ * h + s01_ * k + s02_ * l;
        const T y = s11_ * k + s12_ * l;
        const T z = s22_ * l;
        return x * x + y * y + z * z;
    }

private:
    T s00_, s01_, s02_, s11_, s12_, s22_;
};

template <class T>
struct GaussianShape {
    explicit GaussianShape(const Eigen::Matrix3d& shape_from_hkl) : distance2(shape_from_hkl) {}
    T operator()(T h, T k, T l) const {
        // Nothing is lost, and no product becomes subnormal, which would be slow.
        const T x2 = distance2(h, k, l);
        return x2 < T(60) ? exp_negative(-x2) : T(0);
    }
    Distance2<T> distance2;
};

template <class T>
struct TopHatShape {
    explicit TopHatShape(const Eigen::Matrix3d& shape_from_hkl) : distance2(shape_from_hkl) {}
    T operator()(T h, T k, T l) const { return distance2(h, k, l) < T(1) ? T(1) : T(0); }
    Distance2<T> distance2;
};

// The square of sin(pi N h) / (N sin(pi h)) along each axis, 1 along an axis of one cell.
template <class T>
class SquareShape {
public:
    explicit SquareShape(const Eigen::Vector3d& cells)
        : a_(static_cast<T>(cells[0])), b_(static_cast<T>(cells[1])), c_(static_cast<T>(cells[2])) {}
    T operator()(T h, T k, T l) const {
        const T f = along(h, a_) * along(k, b_) * along(l, c_);
        return f * f;
    }

private:
    static T along(T h, T cells) {
        constexpr auto series = sinc_series<terms<T>>();
        constexpr T pi2 = std::numbers::pi_v<T> * std::numbers::pi_v<T>;
        // Far below any distance that matters, so that 0 / 0 cannot arise.
        const T y = std::abs(h) + T(1e-18);
        const T phase = cells * y;
        const T t = phase - round_to_whole(phase);
        return t * horner(t * t * pi2, series) / (phase * horner(y * y * pi2, series));
    }
    T a_, b_, c_;
};

// 3 (sin(x) - x cos(x)) / x^3 squared, x = pi times the distance in cells.
template <class T>
struct RoundShape {
    explicit RoundShape(const Eigen::Matrix3d& shape_from_hkl) : distance2(shape_from_hkl) {}
    T operator()(T h, T k, T l) const {
        constexpr auto sinc = sinc_series<terms<T>>();
        constexpr auto cosine = cosine_series<terms<T> + 1>();
        constexpr auto sphere = sphere_series<terms<T>>();
        constexpr T pi2 = std::numbers::pi_v<T> * std::numbers::pi_v<T>;
        const T r2 = distance2(h, k, l);
        const T x2 = r2 * pi2;
        const T r = std::sqrt(r2);
        // Both sine and cosine change sign with every whole number; the square does not.
        const T t = r - round_to_whole(r);
        const T t2 = t * t * pi2;
        const T far = T(3) * (t * horner(t2, sinc) / std::max(r, T(0.1)) - horner(t2, cosine)) / std::max(x2, T(0.1));
        const T near = horner(std::min(x2, T(1)), sphere);
        const T f = x2 < T(1) ? near : far;
        return f * f;
    }
    Distance2<T> distance2;
};

}  // namespace braggbench::pixels
