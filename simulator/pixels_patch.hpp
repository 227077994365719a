// A piece of a panel on which the spots of one reflection are summed, and the loops that evaluate a block's shape
// there: pixels_sparse.cpp finds the spots. Directions are unit vectors in the lab frame, relative to that of the
// patch's middle; positions in pixels of the panel.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_shapes.hpp"

namespace braggbench::pixels {

// The largest piece of a panel that is painted at a time.
inline constexpr int patch_px = 48;
inline constexpr int patch_lanes = 8;
inline constexpr int patch_stride = patch_px + 2 * patch_lanes;
// Beyond it single precision holds nothing.
inline constexpr double largest_x2 = 60.0;

enum class Law {
    round_gaussian,  // exp(-x^2) with x the same in all directions
    gaussian,        // exp(-x^2)
    top_hat,         // x < 1
};

enum class Overlap {
    none,     // reflections end before they meet
    clipped,  // where they meet, a point belongs to the nearest one in indices
};

// Where the points of a panel's pixels lie on one sensor layer.
struct PointGrid {
    Eigen::Vector3d first_mm;              // that of pixel (0, 0)
    Eigen::Vector3d fast_axis, slow_axis;  // unit vectors
    double pitch_mm = 0.0;

    [[nodiscard]] Eigen::Vector3d direction(int fast, int slow) const {
        return (first_mm + pitch_mm * (fast * fast_axis + slow * slow_axis)).normalized();
    }
};

// Half way to the next lattice points along one axis.
template <class T>
struct Border {
    Border() = default;
    // The index is `middle` + slope * (d - that of the patch's middle).
    Border(const Eigen::Vector3d& slope, double middle)
        : x(static_cast<T>(slope.x())),
          y(static_cast<T>(slope.y())),
          z(static_cast<T>(slope.z())),
          start(static_cast<T>(middle)) {}
    // The distance in indices.
    T operator()(T dx, T dy, T dz) const { return std::abs(start + x * dx + y * dy + z * dz); }

    T x{}, y{}, z{}, start{};
};

// Pixels, both ends included.
struct Footprint {
    int fast_low = 0, fast_high = 0, slow_low = 0, slow_high = 0;
};

// The columns of a footprint's rows, where a rectangle would be wasteful: an ellipse.
struct Ellipse {
    double fast = 0.0, slow = 0.0;  // its middle
    double shear = 0.0;             // shift along fast per row
    double rest2 = 0.0, per_fast2 = 0.0, per_slow2 = 0.0;
    double margin_px = 0.0;
};

template <class T>
class Patch {
public:
    int fast = 0, slow = 0, width = 0, height = 0;
    Eigen::Vector3d middle;  // a unit vector

    // Clears the sums.
    void place(const PointGrid& grid, int at_fast, int at_slow, int columns, int rows) {
        fast = at_fast;
        slow = at_slow;
        width = columns;
        height = rows;
        middle = grid.direction(fast + width / 2, slow + height / 2);
        const Eigen::Vector3d corner = grid.first_mm + grid.pitch_mm * (fast * grid.fast_axis + slow * grid.slow_axis);
        const Eigen::Vector3d across = grid.pitch_mm * grid.fast_axis;
        const double ax = across.x(), ay = across.y(), az = across.z();
        const double mx = middle.x(), my = middle.y(), mz = middle.z();
        // Lanes beyond the last column are computed and thrown away.
        const int end = width + patch_lanes;
        for (int row = 0; row < height; ++row) {
            const Eigen::Vector3d left = corner + row * grid.pitch_mm * grid.slow_axis;
            const double lx = left.x(), ly = left.y(), lz = left.z();
            T* const to_x = x_.data() + row * patch_stride;
            T* const to_y = y_.data() + row * patch_stride;
            T* const to_z = z_.data() + row * patch_stride;
            T* const to_sum = sum_.data() + row * patch_stride;
#pragma GCC ivdep
            for (int column = 0; column < end; ++column) {
                const double px = lx + column * ax;
                const double py = ly + column * ay;
                const double pz = lz + column * az;
                const double scale = 1.0 / std::sqrt(px * px + py * py + pz * pz);
                to_x[column] = static_cast<T>(px * scale - mx);
                to_y[column] = static_cast<T>(py * scale - my);
                to_z[column] = static_cast<T>(pz * scale - mz);
                to_sum[column] = T(0);
            }
        }
    }

    [[nodiscard]] bool holds(const Footprint& footprint) const {
        return footprint.fast_low >= fast && footprint.fast_high < fast + width && footprint.slow_low >= slow &&
               footprint.slow_high < slow + height;
    }

    // Adds weight * exp(-(scale |d - v|)^2) with offset = middle - v, on this side of `borders` pairs of borders.
    template <std::size_t borders>
    void add_round(const Footprint& footprint, const Ellipse& ellipse, const Eigen::Vector3d& offset, double scale,
                   double log2_weight, const std::array<Border<T>, 3>& border) {
        const T ox = static_cast<T>(offset.x());
        const T oy = static_cast<T>(offset.y());
        const T oz = static_cast<T>(offset.z());
        const T steep = static_cast<T>(-scale * scale * std::numbers::log2e);
        const T start = static_cast<T>(log2_weight);
        // Nothing below shows, and no number becomes subnormal, which would be slow.
        const T least = std::max(start - static_cast<T>(largest_x2 * std::numbers::log2e), T(-125));
        const Border<T> b0 = border[0], b1 = border[1], b2 = border[2];
        rows(footprint, ellipse, [&](const T* px, const T* py, const T* pz, T* sum) {
#pragma GCC ivdep
            for (int i = 0; i < patch_lanes; ++i) {
                const T x = px[i] + ox;
                const T y = py[i] + oy;
                const T z = pz[i] + oz;
                T value = exp2_bounded(std::max(start + steep * (x * x + y * y + z * z), least));
                if constexpr (borders > 0) {
                    T farthest = b0(px[i], py[i], pz[i]);
                    if constexpr (borders > 1) farthest = std::max(farthest, b1(px[i], py[i], pz[i]));
                    if constexpr (borders > 2) farthest = std::max(farthest, b2(px[i], py[i], pz[i]));
                    value = farthest <= T(0.5) ? value : T(0);
                }
                sum[i] += value;
            }
        });
    }

    // Adds weight * shape(x) with x = base + slope * (d - middle).
    template <Law law, Overlap overlap>
    void add(const Footprint& footprint, const Ellipse& ellipse, const Eigen::Vector3d& base,
             const Eigen::Matrix3d& slope, double weight, const Eigen::Matrix3d& hkl_from_shape) {
        const Eigen::Matrix<T, 3, 3> m = slope.template cast<T>();
        const Eigen::Matrix<T, 3, 1> b = base.template cast<T>();
        const T m00 = m(0, 0), m01 = m(0, 1), m02 = m(0, 2), b0 = b[0];
        const T m10 = m(1, 0), m11 = m(1, 1), m12 = m(1, 2), b1 = b[1];
        const T m20 = m(2, 0), m21 = m(2, 1), m22 = m(2, 2), b2 = b[2];
        const T w = static_cast<T>(weight);
        // From the argument of the shape back to indices; upper triangular.
        const T i00 = static_cast<T>(hkl_from_shape(0, 0)), i01 = static_cast<T>(hkl_from_shape(0, 1));
        const T i02 = static_cast<T>(hkl_from_shape(0, 2)), i11 = static_cast<T>(hkl_from_shape(1, 1));
        const T i12 = static_cast<T>(hkl_from_shape(1, 2)), i22 = static_cast<T>(hkl_from_shape(2, 2));
        rows(footprint, ellipse, [&](const T* px, const T* py, const T* pz, T* sum) {
#pragma GCC ivdep
            for (int i = 0; i < patch_lanes; ++i) {
                const T x0 = b0 + m00 * px[i] + m01 * py[i] + m02 * pz[i];
                const T x1 = b1 + m10 * px[i] + m11 * py[i] + m12 * pz[i];
                const T x2 = b2 + m20 * px[i] + m21 * py[i] + m22 * pz[i];
                const T distance2 = x0 * x0 + x1 * x1 + x2 * x2;
                T value;
                if constexpr (law == Law::top_hat) {
                    value = distance2 < T(1) ? w : T(0);
                } else {
                    value = distance2 < T(largest_x2) ? w * exp_negative(-distance2) : T(0);
                }
                if constexpr (overlap == Overlap::clipped) {
                    const T h = std::abs(i00 * x0 + i01 * x1 + i02 * x2);
                    const T k = std::abs(i11 * x1 + i12 * x2);
                    const T l = std::abs(i22 * x2);
                    value = std::max(std::max(h, k), l) <= T(0.5) ? value : T(0);
                }
                sum[i] += value;
            }
        });
    }

    // Adds scale times the sums to an image of the panel; the largest value there now.
    double deposit(double scale, std::vector<double>& image, int image_width) const {
        double largest = 0.0;
        for (int row = 0; row < height; ++row) {
            double* const pixels = image.data() +
                                   static_cast<std::size_t>(slow + row) * static_cast<std::size_t>(image_width) +
                                   static_cast<std::size_t>(fast);
            const T* const from = sum_.data() + row * patch_stride;
            for (int column = 0; column < width; ++column) {
                pixels[column] += scale * static_cast<double>(from[column]);
                largest = std::max(largest, pixels[column]);
            }
        }
        return largest;
    }

private:
    // 2^x for x from -126 to 126.
    static float exp2_bounded(float x) {
        constexpr float magic = 12582912.0F;
        const float shifted = x + magic;
        const float f = x - (shifted - magic);
        // Taylor series, as in fast_exp().
        float p = 1.5403530e-4F;
        p = p * f + 1.3333558e-3F;
        p = p * f + 9.6181291e-3F;
        p = p * f + 5.5504109e-2F;
        p = p * f + 2.4022651e-1F;
        p = p * f + 6.9314718e-1F;
        p = p * f + 1.0F;
        // The low bits of `shifted` hold the whole number.
        return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + (std::bit_cast<std::int32_t>(shifted) << 23));
    }
    static double exp2_bounded(double x) { return exp_negative(x * std::numbers::ln2); }

    // Calls kernel(x, y, z, sum) for groups of `patch_lanes` pixels that cover the footprint.
    template <class Kernel>
    void rows(const Footprint& footprint, const Ellipse& ellipse, const Kernel& kernel) {
        std::ptrdiff_t at = static_cast<std::ptrdiff_t>(footprint.slow_low - slow) * patch_stride - fast;
        const auto groups = [&](int first, int last) {
            for (std::ptrdiff_t i = at + first; i <= at + last; i += patch_lanes) {
                kernel(x_.data() + i, y_.data() + i, z_.data() + i, sum_.data() + i);
            }
        };
        if (footprint.fast_high - footprint.fast_low < patch_lanes) {
            at += footprint.fast_low;
            for (int row = footprint.slow_low; row <= footprint.slow_high; ++row, at += patch_stride) {
                kernel(x_.data() + at, y_.data() + at, z_.data() + at, sum_.data() + at);
            }
            return;
        }
        for (int row = footprint.slow_low; row <= footprint.slow_high; ++row, at += patch_stride) {
            const double up = row - ellipse.slow;
            const double width2 = (ellipse.rest2 - ellipse.per_slow2 * up * up) / ellipse.per_fast2;
            const double half = std::sqrt(std::max(width2, 0.0)) + ellipse.margin_px;
            const double centre = ellipse.fast + ellipse.shear * up;
            groups(std::max(static_cast<int>(std::ceil(centre - half)), footprint.fast_low),
                   std::min(static_cast<int>(std::floor(centre + half)), footprint.fast_high));
        }
    }

    alignas(64) std::array<T, patch_px * patch_stride> x_{}, y_{}, z_{}, sum_{};
};

}  // namespace braggbench::pixels
