#include "simulator/pixels_rays.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numbers>
#include <ranges>
#include <type_traits>

namespace braggbench::pixels {
namespace {

constexpr int cell_columns = 4;
constexpr int cell_rows = 2;
constexpr int cell_px = cell_columns * cell_rows;

template <class T>
using Lanes [[gnu::vector_size(cell_px * sizeof(T))]] = T;
template <class T>
using Whole = std::conditional_t<std::is_same_v<T, float>, std::int32_t, std::int64_t>;

template <class T>
Lanes<T> load(const T* from) {
    Lanes<T> lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

// 2^x for x <= 0, and 2^lowest for what lies below.
template <class T>
[[gnu::always_inline]] inline Lanes<T> exp2_bounded(Lanes<T> x) {
    constexpr bool single = std::is_same_v<T, float>;
    constexpr T magic = single ? T(12582912.0) : T(6755399441055744.0);
    constexpr T lowest = single ? T(-125) : T(-1000);
    constexpr int shift = single ? 23 : 52;
    x = x > lowest ? x : lowest - Lanes<T>{};
    const Lanes<T> shifted = x + magic;
    const Lanes<T> f = x - (shifted - magic);
    Lanes<T> p;
    if constexpr (single) {
        // Chebyshev's polynomial of 2^f on [-0.5, 0.5], good to 1e-7.
        p = f * 1.33908634e-3F + 9.67603192e-3F;
        p = p * f + 5.55035711e-2F;
        p = p * f + 2.40221075e-1F;
        p = p * f + 6.93147188e-1F;
        p = p * f + 1.00000008F;
    } else {
        constexpr auto series = exponential_series<14>();
        const Lanes<T> g = f * std::numbers::ln2;
        p = g * series[13] + series[12];
        for (std::size_t i = 12; i-- > 0;) p = p * g + series[i];
    }
    using Wholes [[gnu::vector_size(cell_px * sizeof(T))]] = Whole<T>;
    // The low bits of `shifted` hold the whole number.
    return reinterpret_cast<Lanes<T>>(reinterpret_cast<Wholes>(p) + (reinterpret_cast<Wholes>(shifted) << shift));
}

std::vector<RayGroup> groups_of(const Scene& scene) {
    std::vector<int> order;
    for (int i = 0; i < static_cast<int>(scene.sources.size()); ++i) {
        if (scene.sources[static_cast<std::size_t>(i)].weight > 0) order.push_back(i);
    }
    const auto source = [&](int i) -> const Source& { return scene.sources[static_cast<std::size_t>(i)]; };
    std::ranges::stable_sort(order, [&](int a, int b) {
        const Eigen::Vector3d& p = source(a).incident;
        const Eigen::Vector3d& q = source(b).incident;
        if (p != q)
            return std::ranges::lexicographical_compare(std::views::counted(p.data(), 3),
                                                        std::views::counted(q.data(), 3));
        return source(a).wavelength_A > source(b).wavelength_A;
    });
    std::vector<RayGroup> groups;
    for (const int i : order) {
        const Source& light = source(i);
        if (groups.empty() || groups.back().incident != light.incident ||
            groups.back().stretch.size() == RayGroup::most) {
            groups.emplace_back();
            groups.back().incident = light.incident;
            groups.back().source = i;
            groups.back().longest_A = light.wavelength_A;
        }
        RayGroup& group = groups.back();
        group.shortest_A = light.wavelength_A;
        group.stretch.push_back(1.0 / light.wavelength_A);
        group.log2_weight.push_back(std::log2(light.weight / scene.blocks / scene.spindle_steps));
    }
    for (RayGroup& group : groups) {
        group.wavelength_A = 2.0 / (group.stretch.front() + group.stretch.back());
        for (double& e : group.stretch) e *= group.wavelength_A;
    }
    return groups;
}

// A rotation that turns v onto the third axis.
Eigen::Matrix3d onto_third_axis(const Eigen::Vector3d& v) {
    const Eigen::Vector3d along = v.normalized();
    const Eigen::Vector3d tangent = along.unitOrthogonal();
    Eigen::Matrix3d rotation;
    rotation << tangent.transpose(), along.cross(tangent).transpose(), along.transpose();
    return rotation;
}

}  // namespace

RayPainter::RayPainter(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region)
    : scene_(scene), panel_(panel), region_(region), groups_(groups_of(scene)) {
    // exp(-x^2) = 2^-(x^2 log2(e))
    const double scale = std::sqrt(std::numbers::log2e);
    argument_from_lab_ = scale * lattice.shape_from_hkl * lattice.lab_from_hkl.inverse();
    hkl_from_argument_ = lattice.shape_from_hkl.inverse() / scale;
    const Eigen::Vector3d stretch = argument_from_lab_.jacobiSvd().singularValues();
    widest_ = 1.0 / stretch.minCoeff();
    narrowest_ = 1.0 / stretch.maxCoeff();
    round_ = stretch.maxCoeff() - stretch.minCoeff() < 1e-10 * stretch.maxCoeff();
    normal_ = panel.fast_axis.cross(panel.slow_axis);
    if (normal_.dot(panel.origin_mm) < 0) normal_ = -normal_;
    double shortest_A = groups_.front().shortest_A;
    for (const RayGroup& group : groups_) shortest_A = std::min(shortest_A, group.shortest_A);
    single_precision_ = single_precision_holds(argument_from_lab_ / shortest_A, panel, tile_px);
}

void RayPainter::set_grid(const PointGrid& grid, double close_mm) {
    grid_ = grid;
    close_px_ = close_mm / grid.pitch_mm;
}

void RayPainter::set_steps(const StepTable& table) {
    blocks_ = table.blocks;
    rotation_ = &table.rotation;
    for (auto& list : turned_) list.resize(blocks_);
    for (auto& list : edges_) list.resize(blocks_);
    // |R - 1| = 2 sqrt(2) sin(angle / 2) for a rotation R by which a setting differs from the typical one.
    double turn2 = 0.0;
    for (std::size_t b = 0; b < blocks_; ++b) {
        double difference2 = 0.0;
        for (const auto& element : table.rotation) difference2 += std::pow(element[b] - element[blocks_ / 2], 2);
        turn2 = std::max(turn2, 0.5 * difference2);
    }
    spread_ = 1.02 + 2.0 * widest_ / narrowest_ * std::sqrt(turn2);
}

void RayPainter::turn_settings(const Eigen::Matrix3d& argument) {
    for (std::size_t i = 0; i < 3; ++i) {
        const double a0 = argument(static_cast<Eigen::Index>(i), 0);
        const double a1 = argument(static_cast<Eigen::Index>(i), 1);
        const double a2 = argument(static_cast<Eigen::Index>(i), 2);
        for (std::size_t j = 0; j < 3; ++j) {
            // The transposed rotations.
            const double* const u0 = (*rotation_)[3 * j].data();
            const double* const u1 = (*rotation_)[3 * j + 1].data();
            const double* const u2 = (*rotation_)[3 * j + 2].data();
            double* const to = turned_[3 * i + j].data();
            for (std::size_t b = 0; b < blocks_; ++b) to[b] = a0 * u0[b] + a1 * u1[b] + a2 * u2[b];
        }
    }
}

// Fills boxes_: for each block the footprint's ends for the longest and the shortest wavelength that reach the Ewald
// sphere, to first order. The size and the slant of footprints are taken at the middle of the blocks, with room for how
// far they are turned.
void RayPainter::outline(const RayGroup& group, const std::array<std::vector<double>, 3>& rotated, double r2,
                         double reach, double limit) {
    const double nx = normal_.x(), ny = normal_.y(), nz = normal_.z();
    const double fx = panel_.fast_axis.x(), fy = panel_.fast_axis.y(), fz = panel_.fast_axis.z();
    const double gx = panel_.slow_axis.x(), gy = panel_.slow_axis.y(), gz = panel_.slow_axis.z();
    const double sx = group.incident.x(), sy = group.incident.y(), sz = group.incident.z();
    const double first_fast = grid_.first_mm.dot(panel_.fast_axis) / grid_.pitch_mm;
    const double first_slow = grid_.first_mm.dot(panel_.slow_axis) / grid_.pitch_mm;
    const double close_px = close_px_;
    const double shortest = group.shortest_A, longest = group.longest_A;

    const std::size_t typical = blocks_ / 2;
    Eigen::Matrix3d from_lab;
    for (Eigen::Index i = 0; i < 3; ++i) {
        for (Eigen::Index j = 0; j < 3; ++j) from_lab(i, j) = turned_[static_cast<std::size_t>(3 * i + j)][typical];
    }
    const Eigen::Vector3d r(rotated[0][typical], rotated[1][typical], rotated[2][typical]);
    const Eigen::Vector3d direction = (group.incident + group.wavelength_A * r).normalized();
    const double cosine = std::max(normal_.dot(direction), 0.01);
    const double per_px = cosine / (close_px * group.wavelength_A);
    const Eigen::Vector3d a = from_lab * (panel_.fast_axis - direction.dot(panel_.fast_axis) * direction) * per_px;
    const Eigen::Vector3d b = from_lab * (panel_.slow_axis - direction.dot(panel_.slow_axis) * direction) * per_px;
    const Eigen::Vector3d ray = from_lab * direction;
    const double determinant = a.squaredNorm() * b.squaredNorm() - a.dot(b) * a.dot(b);
    const double half_fast = spread_ * std::sqrt(limit * b.squaredNorm() / determinant);
    const double half_slow = spread_ * std::sqrt(limit * a.squaredNorm() / determinant);
    // Where the argument is least, off the Ewald sphere, in pixels per 1/A.
    const double shift_fast = (a.dot(b) * b.dot(ray) - b.squaredNorm() * a.dot(ray)) / determinant;
    const double shift_slow = (a.dot(b) * a.dot(ray) - a.squaredNorm() * b.dot(ray)) / determinant;

    const double* const rx = rotated[0].data();
    const double* const ry = rotated[1].data();
    const double* const rz = rotated[2].data();
    double* const fast_low = edges_[0].data();
    double* const fast_high = edges_[1].data();
    double* const slow_low = edges_[2].data();
    double* const slow_high = edges_[3].data();
    const std::size_t count = blocks_;
    const double per_r2 = 2.0 / r2;
    constexpr double nowhere = 1e8;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        const double x = rx[i], y = ry[i], z = rz[i];
        // | |s + lambda r|^2 - 1 | / (2 lambda) is at most `reach`.
        const double along = sx * x + sy * y + sz * z;
        const double from = std::max(shortest, -(along + reach) * per_r2);
        const double to = std::min(longest, -(along - reach) * per_r2);
        const double ax = sx + from * x, ay = sy + from * y, az = sz + from * z;
        const double bx = sx + to * x, by = sy + to * y, bz = sz + to * z;
        const double toward_a = std::max(nx * ax + ny * ay + nz * az, 0.01);
        const double toward_b = std::max(nx * bx + ny * by + nz * bz, 0.01);
        const double both = close_px / (toward_a * toward_b);
        const double off_a = -(along + from / per_r2);
        const double off_b = -(along + to / per_r2);
        const double fast_a = (fx * ax + fy * ay + fz * az) * both * toward_b - first_fast + off_a * shift_fast;
        const double slow_a = (gx * ax + gy * ay + gz * az) * both * toward_b - first_slow + off_a * shift_slow;
        const double fast_b = (fx * bx + fy * by + fz * bz) * both * toward_a - first_fast + off_b * shift_fast;
        const double slow_b = (gx * bx + gy * by + gz * bz) * both * toward_a - first_slow + off_b * shift_slow;
        fast_low[i] = (from <= to ? std::min(fast_a, fast_b) : nowhere) - half_fast;
        fast_high[i] = std::max(fast_a, fast_b) + half_fast;
        slow_low[i] = std::min(slow_a, slow_b) - half_slow;
        slow_high[i] = std::max(slow_a, slow_b) + half_slow;
    }
    boxes_.clear();
    constexpr double margin_px = 0.2;
    for (std::size_t i = 0; i < count; ++i) {
        if (fast_low[i] > region_.fast_last + 1.0 || fast_high[i] < region_.fast_first - 1.0 ||
            slow_low[i] > region_.slow_last + 1.0 || slow_high[i] < region_.slow_first - 1.0) {
            continue;
        }
        BlockBox box{};
        box.block = i;
        box.fast_low = std::max(static_cast<int>(std::ceil(fast_low[i] - margin_px)), region_.fast_first);
        box.fast_high = static_cast<int>(std::floor(std::min(fast_high[i] + margin_px, region_.fast_last + 0.5)));
        box.slow_low = std::max(static_cast<int>(std::ceil(slow_low[i] - margin_px)), region_.slow_first);
        box.slow_high = static_cast<int>(std::floor(std::min(slow_high[i] + margin_px, region_.slow_last + 0.5)));
        if (box.fast_low <= box.fast_high && box.slow_low <= box.slow_high) boxes_.push_back(box);
    }
}

bool RayPainter::paint(const Eigen::Vector3d& r, const std::array<std::vector<double>, 3>& rotated, double f2,
                       double x2, std::vector<double>& image, double& largest) {
    const Eigen::Vector3d argument = argument_from_lab_ * r;
    Frame frame;
    frame.argument = argument.norm();
    if (frame.argument < least_argument) return false;
    frame.limit = 1.1 * x2 * std::numbers::log2e;
    const Eigen::Matrix3d turn = onto_third_axis(argument);
    for (Eigen::Index axis = 0; axis < 3; ++axis) {
        const Eigen::Vector3d index = turn * hkl_from_argument_.row(axis).transpose();
        if (index.norm() * std::sqrt(frame.limit) >= 0.5) frame.index[frame.borders++] = index;
    }
    turn_settings(turn * argument_from_lab_);
    const double reach = 1.05 * widest_ * std::sqrt(frame.limit);
    for (const RayGroup& group : groups_) {
        outline(group, rotated, r.squaredNorm(), reach * (1.0 + 0.5 * group.longest_A * reach), frame.limit);
        if (boxes_.empty()) continue;
        double share = 1.0;
        if (polarization_varies(scene_)) {
            // It hardly changes across a spot.
            const std::size_t block = boxes_[boxes_.size() / 2].block;
            const Eigen::Vector3d middle(rotated[0][block], rotated[1][block], rotated[2][block]);
            const Eigen::Vector3d direction = (group.incident + group.wavelength_A * middle).normalized();
            share = std::max(source_factor(scene_, scene_.sources[static_cast<std::size_t>(group.source)], direction),
                             1e-6) /
                    std::max(source_factor(scene_, scene_.sources.front(), direction), 1e-6);
        }
        if (single_precision_) {
            paint_group(single_, group, frame, rotated, f2 * share, image, largest);
        } else {
            paint_group(double_, group, frame, rotated, f2 * share, image, largest);
        }
    }
    return true;
}

template <class T>
void RayPainter::paint_group(Tile<T>& tile, const RayGroup& group, const Frame& frame,
                             const std::array<std::vector<double>, 3>& rotated, double scale,
                             std::vector<double>& image, double& largest) {
    const int fast_low = std::ranges::min_element(boxes_, {}, &BlockBox::fast_low)->fast_low;
    const int fast_high = std::ranges::max_element(boxes_, {}, &BlockBox::fast_high)->fast_high;
    const int slow_low = std::ranges::min_element(boxes_, {}, &BlockBox::slow_low)->slow_low;
    const int slow_high = std::ranges::max_element(boxes_, {}, &BlockBox::slow_high)->slow_high;
    for (int slow = slow_low; slow <= slow_high; slow += tile_px) {
        for (int fast = fast_low; fast <= fast_high; fast += tile_px) {
            const int fast_last = std::min(fast + tile_px - 1, fast_high);
            const int slow_last = std::min(slow + tile_px - 1, slow_high);
            of_tile_.clear();
            for (BlockBox box : boxes_) {
                box.fast_low = std::max(box.fast_low, fast);
                box.fast_high = std::min(box.fast_high, fast_last);
                box.slow_low = std::max(box.slow_low, slow);
                box.slow_high = std::min(box.slow_high, slow_last);
                if (box.fast_low <= box.fast_high && box.slow_low <= box.slow_high) of_tile_.push_back(box);
            }
            if (of_tile_.empty()) continue;
            place(tile, fast, slow, fast_last - fast + 1, slow_last - slow + 1);
            const bool series = round_ && group.stretch.back() - 1.0 < series_limit;
            if (series) begin_series(tile, group, frame);
            for (const BlockBox& box : of_tile_) {
                const Eigen::Vector3d r(rotated[0][box.block], rotated[1][box.block], rotated[2][box.block]);
                switch (frame.borders) {
                    case 0:
                        add_block<T, 0>(tile, group, frame, box, r, series);
                        break;
                    case 1:
                        add_block<T, 1>(tile, group, frame, box, r, series);
                        break;
                    case 2:
                        add_block<T, 2>(tile, group, frame, box, r, series);
                        break;
                    default:
                        add_block<T, 3>(tile, group, frame, box, r, series);
                }
            }
            if (series) end_series(tile, group);
            for (int row = 0; row <= slow_last - slow; ++row) {
                double* const pixels =
                    image.data() + static_cast<std::size_t>(slow + row) * static_cast<std::size_t>(panel_.width_px) +
                    static_cast<std::size_t>(fast);
                const T* const from =
                    tile.sum.data() + row / cell_rows * cell_rows * tile.columns + row % cell_rows * cell_columns;
                for (int column = 0; column <= fast_last - fast; ++column) {
                    pixels[column] +=
                        scale * static_cast<double>(from[column / cell_columns * cell_px + column % cell_columns]);
                    largest = std::max(largest, pixels[column]);
                }
            }
        }
    }
}

template <class T>
void RayPainter::place(Tile<T>& tile, int fast, int slow, int columns, int rows) const {
    tile.fast = fast;
    tile.slow = slow;
    tile.columns = (columns + cell_columns - 1) / cell_columns * cell_columns;
    tile.rows = (rows + cell_rows - 1) / cell_rows * cell_rows;
    tile.middle = grid_.direction(fast + columns / 2, slow + rows / 2);
    const double mx = tile.middle.x(), my = tile.middle.y(), mz = tile.middle.z();
    const Eigen::Vector3d across = grid_.pitch_mm * grid_.fast_axis;
    const double ax = across.x(), ay = across.y(), az = across.z();
    for (int row = 0; row < tile.rows; ++row) {
        const Eigen::Vector3d left =
            grid_.first_mm + grid_.pitch_mm * (fast * grid_.fast_axis + (slow + row) * grid_.slow_axis);
        const double lx = left.x(), ly = left.y(), lz = left.z();
        std::array<T, tile_px> x{}, y{}, z{};
        for (int column = 0; column < tile.columns; ++column) {
            const double px = lx + column * ax;
            const double py = ly + column * ay;
            const double pz = lz + column * az;
            const double per_length = 1.0 / std::sqrt(px * px + py * py + pz * pz);
            const auto i = static_cast<std::size_t>(column);
            x[i] = static_cast<T>(px * per_length - mx);
            y[i] = static_cast<T>(py * per_length - my);
            z[i] = static_cast<T>(pz * per_length - mz);
        }
        const int first = row / cell_rows * cell_rows * tile.columns + row % cell_rows * cell_columns;
        for (int cell = 0; cell < tile.columns / cell_columns; ++cell) {
            const auto to = static_cast<std::size_t>(first + cell * cell_px);
            const auto from = static_cast<std::size_t>(cell * cell_columns);
            std::copy_n(x.data() + from, cell_columns, tile.x.data() + to);
            std::copy_n(y.data() + from, cell_columns, tile.y.data() + to);
            std::copy_n(z.data() + from, cell_columns, tile.z.data() + to);
        }
    }
    std::fill_n(tile.sum.begin(), tile.columns * tile.rows, T(0));
}

template <class T, std::size_t borders>
void RayPainter::add_block(Tile<T>& tile, const RayGroup& group, const Frame& frame, const BlockBox& box,
                           const Eigen::Vector3d& r, bool series) const {
    Eigen::Matrix3d from_lab;
    for (Eigen::Index i = 0; i < 3; ++i) {
        for (Eigen::Index j = 0; j < 3; ++j) from_lab(i, j) = turned_[static_cast<std::size_t>(3 * i + j)][box.block];
    }
    const double wavenumber = 1.0 / group.wavelength_A;
    const Eigen::Vector3d middle = from_lab * ((tile.middle - group.incident) * wavenumber - r);
    const Eigen::Matrix3d slope_of = from_lab * wavenumber;
    const Eigen::Matrix<T, 3, 3> m = slope_of.template cast<T>();
    const T m00 = m(0, 0), m01 = m(0, 1), m02 = m(0, 2), b0 = static_cast<T>(middle[0]);
    const T m10 = m(1, 0), m11 = m(1, 1), m12 = m(1, 2), b1 = static_cast<T>(middle[1]);
    const T m20 = m(2, 0), m21 = m(2, 1), m22 = m(2, 2), b2 = static_cast<T>(middle[2]);
    const T n = static_cast<T>(frame.argument);
    const T limit = static_cast<T>(frame.limit);
    // The wavelengths.
    const std::size_t count = group.stretch.size();
    std::array<T, RayGroup::most> stretch, move, log2_weight;
    for (std::size_t j = 0; j < count; ++j) {
        stretch[j] = static_cast<T>(group.stretch[j]);
        move[j] = static_cast<T>((group.stretch[j] - 1.0) * frame.argument);
        log2_weight[j] = static_cast<T>(group.log2_weight[j]);
    }
    const T first_stretch = stretch[0], first_move = move[0];
    const T last_stretch = stretch[count - 1], last_move = move[count - 1];
    std::array<std::array<T, 3>, 3> index{};
    for (std::size_t k = 0; k < borders; ++k) {
        for (std::size_t i = 0; i < 3; ++i) index[k][i] = static_cast<T>(frame.index[k][static_cast<Eigen::Index>(i)]);
    }

    const int first_cell = (box.fast_low - tile.fast) / cell_columns;
    const int last_cell = (box.fast_high - tile.fast) / cell_columns;
    const int length = (last_cell - first_cell + 1) * cell_px;
    for (int line = (box.slow_low - tile.slow) / cell_rows; line <= (box.slow_high - tile.slow) / cell_rows; ++line) {
        const int start = line * cell_rows * tile.columns + first_cell * cell_px;
        const T* const px = tile.x.data() + start;
        const T* const py = tile.y.data() + start;
        const T* const pz = tile.z.data() + start;
        T* const to_u = tile.u.data();
        T* const to_tau = tile.tau.data();
        T* const to_outside = tile.outside.data();
        T* const to_clipped = tile.clipped.data();
        T* const to_i0 = tile.index[0].data();
        T* const to_i1 = tile.index[1].data();
        T* const to_i2 = tile.index[2].data();
#pragma GCC ivdep
        for (int i = 0; i < length; ++i) {
            const T x0 = b0 + m00 * px[i] + m01 * py[i] + m02 * pz[i];
            const T x1 = b1 + m10 * px[i] + m11 * py[i] + m12 * pz[i];
            const T x2 = b2 + m20 * px[i] + m21 * py[i] + m22 * pz[i];
            const T across2 = x0 * x0 + x1 * x1;
            const T z = n + x2;
            // Free of cancellation.
            const T more = across2 / (std::sqrt(across2 + z * z) + z);
            const T u = x2 + more;
            const T tau = across2 - more * (x2 + u);
            const T low = u * first_stretch + first_move;
            const T high = u * last_stretch + last_move;
            const T away = std::max(std::max(low, -high), T(0));
            to_u[i] = u;
            to_tau[i] = tau;
            to_outside[i] = away * away + tau - limit;
            if constexpr (borders > 0) {
                // The distances in indices of the first and the last wavelength.
                T nearest = T(0);
                T farthest = T(0);
                const auto look_at = [&](std::size_t k, T at) {
                    const T first = at * first_stretch + first_move * index[k][2];
                    const T last = at * last_stretch + last_move * index[k][2];
                    farthest = std::max(farthest, std::max(std::abs(first), std::abs(last)));
                    nearest = std::max(nearest, std::max(std::min(first, last), -std::max(first, last)));
                    return at;
                };
                to_i0[i] = look_at(0, index[0][0] * x0 + index[0][1] * x1 + index[0][2] * x2);
                if constexpr (borders > 1)
                    to_i1[i] = look_at(1, index[1][0] * x0 + index[1][1] * x1 + index[1][2] * x2);
                if constexpr (borders > 2)
                    to_i2[i] = look_at(2, index[2][0] * x0 + index[2][1] * x1 + index[2][2] * x2);
                to_clipped[i] = T(0.5) - farthest;
                to_outside[i] = nearest > T(0.5) ? T(1) : to_outside[i];
            }
        }
        for (int cell = 0; cell < length; cell += cell_px) {
            Whole<T> signs = 0;
            for (int i = 0; i < cell_px; ++i) signs |= std::bit_cast<Whole<T>>(to_outside[cell + i]);
            if (signs >= 0) continue;
            const Lanes<T> u = load(to_u + cell);
            const Lanes<T> tau = load(to_tau + cell);
            if (series) {
                // Some wavelengths of a pixel on one side of a border, others on the other?
                Whole<T> divided = 0;
                if constexpr (borders > 0) {
                    for (int i = 0; i < cell_px; ++i) {
                        divided |= std::bit_cast<Whole<T>>(to_clipped[cell + i]) &
                                   std::bit_cast<Whole<T>>(to_outside[cell + i]);
                    }
                }
                if (divided >= 0) {
                    Lanes<T> term = load(to_outside + cell) < T(0) ? exp2_bounded<T>(-tau) : Lanes<T>{};
                    for (auto& moment : tile.moment) {
                        T* const to = moment.data() + start + cell;
                        const Lanes<T> raised = load(to) + term;
                        std::memcpy(to, &raised, sizeof raised);
                        term *= tau;
                    }
                    continue;
                }
            }
            Lanes<T> sum = load(tile.sum.data() + start + cell);
            [[maybe_unused]] Lanes<T> i0, i1, i2;
            if constexpr (borders > 0) i0 = load(to_i0 + cell);
            if constexpr (borders > 1) i1 = load(to_i1 + cell);
            if constexpr (borders > 2) i2 = load(to_i2 + cell);
            const Lanes<T> common = series ? exp2_bounded<T>(-tau) : Lanes<T>{};
            for (std::size_t j = 0; j < count; ++j) {
                const T e = stretch[j];
                Lanes<T> value;
                if (series) {
                    const Lanes<T> t = tau * static_cast<T>(std::numbers::ln2 * (group.stretch[j] - 1.0));
                    value = load(tile.of_wavelength[j].data() + start + cell) * common *
                            (T(1) - t * (T(1) - t * (T(0.5) - t * T(1.0 / 6.0))));
                } else {
                    const Lanes<T> away = u * e + move[j];
                    value = exp2_bounded<T>(log2_weight[j] - tau * e - away * away);
                }
                const auto within = [&](const Lanes<T>& at, T along) {
                    const Lanes<T> distance = at * e + move[j] * along;
                    value = distance * distance <= T(0.25) ? value : Lanes<T>{};
                };
                if constexpr (borders > 0) within(i0, index[0][2]);
                if constexpr (borders > 1) within(i1, index[1][2]);
                if constexpr (borders > 2) within(i2, index[2][2]);
                sum += value;
            }
            std::memcpy(tile.sum.data() + start + cell, &sum, sizeof sum);
        }
    }
}

// Where the shape is round, u is the same for all blocks, and 2^-(tau e) = 2^-tau exp(-ln(2) tau (e - 1)) is a series
// in e - 1 whose terms are separate sums over blocks and over wavelengths.
template <class T>
void RayPainter::begin_series(Tile<T>& tile, const RayGroup& group, const Frame& frame) const {
    const int size = tile.columns * tile.rows;
    for (auto& moment : tile.moment) std::fill_n(moment.begin(), size, T(0));
    const Eigen::Vector3d middle = tile.middle - group.incident;
    const double mx = middle.x(), my = middle.y(), mz = middle.z();
    const double steep = 1.0 / (widest_ * group.wavelength_A);
    T* const to = tile.u.data();
    for (int i = 0; i < size; ++i) {
        const double x = mx + static_cast<double>(tile.x[static_cast<std::size_t>(i)]);
        const double y = my + static_cast<double>(tile.y[static_cast<std::size_t>(i)]);
        const double z = mz + static_cast<double>(tile.z[static_cast<std::size_t>(i)]);
        to[i] = static_cast<T>(steep * std::sqrt(x * x + y * y + z * z) - frame.argument);
    }
    for (std::size_t j = 0; j < group.stretch.size(); ++j) {
        const T e = static_cast<T>(group.stretch[j]);
        const T move = static_cast<T>((group.stretch[j] - 1.0) * frame.argument);
        const T log2_weight = static_cast<T>(group.log2_weight[j]);
        for (int cell = 0; cell < size; cell += cell_px) {
            const Lanes<T> away = load(tile.u.data() + cell) * e + move;
            const Lanes<T> value = exp2_bounded<T>(log2_weight - away * away);
            std::memcpy(tile.of_wavelength[j].data() + cell, &value, sizeof value);
        }
    }
}

template <class T>
void RayPainter::end_series(Tile<T>& tile, const RayGroup& group) const {
    for (int cell = 0; cell < tile.columns * tile.rows; cell += cell_px) {
        Lanes<T> over_wavelengths[series_terms] = {};
        for (std::size_t j = 0; j < group.stretch.size(); ++j) {
            Lanes<T> term = load(tile.of_wavelength[j].data() + cell);
            for (std::size_t k = 0; k < series_terms; ++k) {
                over_wavelengths[k] += term;
                term *= static_cast<T>(-std::numbers::ln2 * (group.stretch[j] - 1.0) / static_cast<double>(k + 1));
            }
        }
        Lanes<T> sum = load(tile.sum.data() + cell);
        for (std::size_t k = 0; k < series_terms; ++k) sum += over_wavelengths[k] * load(tile.moment[k].data() + cell);
        std::memcpy(tile.sum.data() + cell, &sum, sizeof sum);
    }
}

}  // namespace braggbench::pixels
