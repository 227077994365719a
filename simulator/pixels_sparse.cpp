#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <optional>
#include <type_traits>
#include <vector>

#include "simulator/geometry.hpp"
#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_patch.hpp"
#include "simulator/pixels_rays.hpp"
#include "simulator/pixels_spots.hpp"

namespace braggbench::pixels {
namespace {

// What is cut off at a pixel is less than this share of a mean reflection's peak, and of the image's maximum.
constexpr double cut_share_of_mean = 1e-6;
constexpr double cut_share_of_max = 1e-6;
// Footprints are ellipses to first order: this share more of x^2, and this much more on all sides.
// An edge decides all or nothing.
constexpr double margin_share(Law law) { return law == Law::top_hat ? 0.2 : 0.1; }
constexpr double margin_px = 0.2;

struct Reflection {
    Eigen::Vector3d r;  // in 1/A, at the spindle's setting, without mosaic rotation
    double f2 = 0.0;
};

template <class T, Law law, Overlap overlap>
class Sparse {
public:
    Sparse(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region)
        : scene_(scene), lattice_(lattice), panel_(panel), region_(region) {
        for (const Eigen::Matrix3d& hkl_from_lab : lattice.hkl_from_lab) {
            argument_.emplace_back(lattice.shape_from_hkl * hkl_from_lab);
        }
        const Eigen::Vector3d stretch = argument_.front().jacobiSvd().singularValues();
        widest_ = 1.0 / stretch.minCoeff();
        hkl_from_shape_ = lattice.shape_from_hkl.inverse();
        normal_ = panel.fast_axis.cross(panel.slow_axis);
        if (normal_.dot(panel.origin_mm) < 0) normal_ = -normal_;
        weighs_sources_ = polarization_varies(scene);
        if (law != Law::top_hat && scene.sampling->combination == PixelSampling::Combination::product) {
            rays_.emplace(scene, lattice, panel, region);
        }
    }

    void add(Image<double>& image) {
        const int points = scene_.sampling->oversample * scene_.sampling->oversample;
        raw_.resize(static_cast<std::size_t>(panel_.width_px) * static_cast<std::size_t>(panel_.height_px));
        TileGeometry tile;
        std::array<double, tile_px * tile_px> values{};
        for (int layer = 0; layer < scene_.sampling->thickness_steps; ++layer) {
            const double depth_mm =
                scene_.experiment->detector.sensor_thickness_um * 1e-3 / scene_.sampling->thickness_steps * layer;
            origin_mm_ = panel_.origin_mm + depth_mm * normal_;
            close_mm_ = normal_.dot(origin_mm_);
            for (int point = 0; point < points; ++point) {
                const Eigen::Vector2d within = point_in_pixel(scene_.sampling->oversample, point);
                grid_ = {
                    origin_mm_ + panel_.pixel_size_mm * (within.x() * panel_.fast_axis + within.y() * panel_.slow_axis),
                    panel_.fast_axis, panel_.slow_axis, panel_.pixel_size_mm};
                if (rays_) rays_->set_grid(grid_, close_mm_);
                paint_all(point);
                for (int slow = region_.slow_first; slow <= region_.slow_last; slow += tile_px) {
                    for (int fast = region_.fast_first; fast <= region_.fast_last; fast += tile_px) {
                        trace_tile(scene_, panel_, fast, slow, layer, point, tile);
                        for (int i = 0; i < tile_px * tile_px; ++i) {
                            const int column = std::min(fast + i % tile_px, panel_.width_px - 1);
                            const int row = std::min(slow + i / tile_px, panel_.height_px - 1);
                            const auto j = static_cast<std::size_t>(i);
                            values[j] = raw_[index(column, row)];
                            if (polarization_varies(scene_)) {
                                values[j] *= source_factor(scene_, scene_.sources.front(), tile.direction[j]);
                            }
                        }
                        tile.deposit(region_, lattice_.photons_per_e2_sr / points, values, panel_, image);
                    }
                }
                if (scene_.options->progress) {
                    scene_.options->progress(
                        (layer * points + point + 1) * static_cast<std::int64_t>(panel_.height_px),
                        scene_.sampling->thickness_steps * points * static_cast<std::int64_t>(panel_.height_px));
                }
            }
        }
    }

private:
    [[nodiscard]] std::size_t index(int fast, int slow) const {
        return static_cast<std::size_t>(slow) * static_cast<std::size_t>(panel_.width_px) +
               static_cast<std::size_t>(fast);
    }

    // Paints, and paints again if what was cut off could matter beside the image's maximum.
    void paint_all(int point) {
        double share = cut_share_of_mean;
        for (int attempt = 0; attempt < 3; ++attempt) {
            std::ranges::fill(raw_, 0.0);
            largest_ = 0.0;
            double mean_f2 = 0.0;
            for (int spindle = 0; spindle < scene_.spindle_steps; ++spindle)
                paint_spindle(spindle, point, share, mean_f2);
            if (law == Law::top_hat || share * mean_f2 <= 2.0 * cut_share_of_max * largest_ || share < 1e-25) return;
            share = largest_ > 0 ? std::max(0.5 * cut_share_of_max * largest_ / mean_f2, 1e-26) : 1e-26;
        }
    }

    void paint_spindle(int spindle, int point, double share, double& mean_f2) {
        table_.fill(scene_, lattice_, spindle, point);
        if (table_.steps.empty()) return;
        if (rays_) rays_->set_steps(table_);
        measure_spread();
        std::vector<Reflection> reflections = candidates(share);
        if (reflections.empty()) return;
        double mean = 0.0;
        for (const Reflection& reflection : reflections) mean += reflection.f2;
        mean /= static_cast<double>(reflections.size());
        mean_f2 = std::max(mean_f2, mean);
        // The strongest first: what is already there tells how much of the others can show.
        std::ranges::stable_sort(reflections, std::greater<>{}, &Reflection::f2);
        for (const Reflection& reflection : reflections) {
            const double cut = std::max(share * mean, cut_share_of_max * largest_);
            const double x2 = law == Law::top_hat ? 1.0 : std::clamp(std::log(reflection.f2 / cut), 0.0, largest_x2);
            if (x2 > 0) paint_reflection(reflection, x2);
        }
    }

    // How far settings and sources go from the first step's.
    void measure_spread() {
        const Step& first = table_.steps.front();
        const Eigen::Matrix3d& setting = lattice_.settings[static_cast<std::size_t>(first.setting)];
        const Source& source = scene_.sources[static_cast<std::size_t>(first.source)];
        nominal_ = first;
        turn_ = tilt_ = stretch_ = 0.0;
        longest_A_ = source.wavelength_A;
        for (const Step& step : table_.steps) {
            const Eigen::Matrix3d& other = lattice_.settings[static_cast<std::size_t>(step.setting)];
            const Source& light = scene_.sources[static_cast<std::size_t>(step.source)];
            // |R - 1| = 2 sqrt(2) sin(angle / 2) for a rotation R.
            turn_ = std::max(turn_, (other - setting).norm() / std::numbers::sqrt2);
            tilt_ = std::max(tilt_, (light.incident - source.incident).norm());
            stretch_ = std::max(stretch_, std::abs(light.wavelength_A - source.wavelength_A));
            longest_A_ = std::max(longest_A_, light.wavelength_A);
        }
    }

    // Every reflection that some step may bring close enough to the Ewald sphere and onto the panel.
    [[nodiscard]] std::vector<Reflection> candidates(double share) const {
        const Source& source = scene_.sources[static_cast<std::size_t>(nominal_.source)];
        const Eigen::Matrix3d lab_from_hkl =
            lattice_.settings[static_cast<std::size_t>(nominal_.setting)] * lattice_.lab_from_hkl;
        const double wavelength = source.wavelength_A;
        const IntensityTable& table = lattice_.table;
        const double reach =
            widest_ * (law == Law::top_hat ? 1.0 : std::sqrt(std::min(largest_x2, std::log(1e3 / share))));
        std::vector<Reflection> list;
        for (int h = 0; h < table.count[0]; ++h) {
            for (int k = 0; k < table.count[1]; ++k) {
                const Eigen::Vector3d start = lab_from_hkl * Eigen::Vector3d(h + table.first[0], k + table.first[1], 0);
                const Eigen::Vector3d step = lab_from_hkl.col(2);
                const std::size_t line = (static_cast<std::size_t>(h) * static_cast<std::size_t>(table.count[1]) +
                                          static_cast<std::size_t>(k)) *
                                         static_cast<std::size_t>(table.count[2]);
                // |s + wavelength r|^2 - 1 must be small: where along the line is it?
                const double a = step.squaredNorm();
                const double b = step.dot(start + source.incident / wavelength);
                const double c = start.squaredNorm() + 2.0 * start.dot(source.incident) / wavelength;
                const double far = std::sqrt(std::max(start.squaredNorm(), 0.0)) +
                                   std::sqrt(a) * std::max(std::abs(table.first[2]), table.first[2] + table.count[2]);
                const double slack =
                    shell(far, wavelength, reach) * (2.0 / wavelength) + std::pow(shell(far, wavelength, reach), 2);
                const double outer = b * b - a * (c - slack);
                if (outer < 0) continue;
                const double inner = std::sqrt(std::max(b * b - a * (c + slack), 0.0));
                const double ends = std::sqrt(outer);
                const auto scan = [&](double from, double to) {
                    const int first = std::max(static_cast<int>(std::ceil(from)), table.first[2]);
                    const int last = std::min(static_cast<int>(std::floor(to)), table.first[2] + table.count[2] - 1);
                    for (int l = first; l <= last; ++l) {
                        const float f2 = table.f2[line + static_cast<std::size_t>(l - table.first[2])];
                        if (!(f2 > 0)) continue;
                        const Eigen::Vector3d r = start + l * step;
                        if (near_panel(source.incident + wavelength * r, r.norm(), reach)) {
                            list.push_back({r, static_cast<double>(f2)});
                        }
                    }
                };
                if (inner <= 0) {
                    scan((-b - ends) / a, (-b + ends) / a);
                } else {
                    scan((-b - ends) / a, (-b - inner) / a);
                    scan(std::nextafter((-b + inner) / a, 1e300), (-b + ends) / a);
                }
            }
        }
        return list;
    }

    // How far from the nominal Ewald sphere, in 1/A, a point at |r| may lie and still count for some step.
    [[nodiscard]] double shell(double r, double wavelength, double reach) const {
        const double moved = r * (turn_ + tilt_ + stretch_ / wavelength);
        return 1.05 * (reach + moved);
    }

    [[nodiscard]] bool near_panel(const Eigen::Vector3d& v, double r, double reach) const {
        const double along = normal_.dot(v);
        const double moved = longest_A_ * (r * (turn_ + stretch_ / longest_A_) + reach) + tilt_;
        if (along <= 2.0 * moved + 1e-3) return along > -2.0 * moved;
        const Eigen::Vector3d offset = v * (close_mm_ / along) - origin_mm_;
        const double margin =
            2.0 * moved * v.norm() / along * (v * (close_mm_ / along)).norm() / panel_.pixel_size_mm + 4.0;
        const double fast = offset.dot(panel_.fast_axis) / panel_.pixel_size_mm;
        const double slow = offset.dot(panel_.slow_axis) / panel_.pixel_size_mm;
        return fast > region_.fast_first - margin && fast < region_.fast_last + 1 + margin &&
               slow > region_.slow_first - margin && slow < region_.slow_last + 1 + margin;
    }

    void paint_reflection(const Reflection& reflection, double x2) {
        const Eigen::Vector3d r0 =
            lattice_.settings[static_cast<std::size_t>(nominal_.setting)].transpose() * reflection.r;
        rotate_all(r0);
        if (rays_ && rays_->paint(r0, rotated_, reflection.f2, x2, raw_, largest_)) return;
        find_spots(r0, x2);
        find_borders((1.0 + margin_share(law)) * x2);
        if (spots_.count == 0) return;
        if constexpr (law == Law::round_gaussian) {
            outline_round((1.0 + margin_share(law)) * x2);
        } else {
            outline((1.0 + margin_share(law)) * x2);
        }
        pending_.clear();
        for (std::size_t i = 0; i < spots_.count; ++i) {
            if (spots_.rest2[i] > 0 && spots_.fast[i] + spots_.half_width[i] >= region_.fast_first &&
                spots_.fast[i] - spots_.half_width[i] <= region_.fast_last &&
                spots_.slow[i] + spots_.half_height[i] >= region_.slow_first &&
                spots_.slow[i] - spots_.half_height[i] <= region_.slow_last) {
                pending_.push_back(i);
            }
        }
        while (!pending_.empty()) {
            place_patch();
            later_.clear();
            for (const std::size_t spot : pending_) {
                if (!paint(spot)) later_.push_back(spot);
            }
            largest_ = std::max(largest_, patch_.deposit(reflection.f2, raw_, panel_.width_px));
            std::swap(pending_, later_);
        }
    }

    // Axes along which the reflection reaches into the next cell.
    void find_borders(double x2) {
        borders_ = 0;
        for (int axis = 0; axis < 3; ++axis) {
            if (hkl_from_shape_.row(axis).norm() * std::sqrt(x2) >= 0.5) border_axes_[borders_++] = axis;
        }
    }

    // Fills spots_.step and spots_.v*.
    void find_spots(const Eigen::Vector3d& r0, double x2) {
        const double reach = 1.1 * widest_ * std::sqrt(x2);
        const double r2 = r0.squaredNorm();
        const std::size_t blocks = table_.blocks;
        spots_.reserve(table_.steps.size());
        std::size_t count = 0;
        for (std::size_t first = 0; first < table_.steps.size(); first += blocks) {
            const double* const sx = table_.x.data() + first;
            const double* const sy = table_.y.data() + first;
            const double* const sz = table_.z.data() + first;
            const double* const wavelength = table_.wavelength_A.data() + first;
            const double* const rx = rotated_[0].data();
            const double* const ry = rotated_[1].data();
            const double* const rz = rotated_[2].data();
            double* const outside = outside_.data();
            // |s + wavelength r|^2 - 1 beside what it may be; their sign bits.
            std::int64_t signs = 0;
            for (std::size_t i = 0; i < blocks; ++i) {
                const double along = sx[i] * rx[i] + sy[i] * ry[i] + sz[i] * rz[i];
                const double thickness = wavelength[i] * reach;
                outside[i] =
                    std::abs(wavelength[i] * (2.0 * along + wavelength[i] * r2)) - thickness * (2.0 + thickness);
                signs |= std::bit_cast<std::int64_t>(outside[i]);
            }
            if (signs >= 0) continue;
            for (std::size_t i = 0; i < blocks; ++i) {
                spots_.step[count] = static_cast<int>(first + i);
                count += outside[i] < 0 ? 1 : 0;
            }
        }
        spots_.count = count;
        for (std::size_t i = 0; i < count; ++i) {
            const auto step = static_cast<std::size_t>(spots_.step[i]);
            const std::size_t block = step % blocks;
            spots_.vx[i] = table_.x[step] + table_.wavelength_A[step] * rotated_[0][block];
            spots_.vy[i] = table_.y[step] + table_.wavelength_A[step] * rotated_[1][block];
            spots_.vz[i] = table_.z[step] + table_.wavelength_A[step] * rotated_[2][block];
        }
    }

    // The reflection in every setting that the steps use.
    void rotate_all(const Eigen::Vector3d& r0) {
        const double x = r0.x(), y = r0.y(), z = r0.z();
        outside_.resize(table_.blocks);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            rotated_[axis].resize(table_.blocks);
            double* const to = rotated_[axis].data();
            const double* const a = table_.rotation[3 * axis].data();
            const double* const b = table_.rotation[3 * axis + 1].data();
            const double* const c = table_.rotation[3 * axis + 2].data();
            for (std::size_t i = 0; i < table_.blocks; ++i) to[i] = a[i] * x + b[i] * y + c[i] * z;
        }
    }

    // The footprints within x^2 = limit to first order about their middles, which are where v points.
    void outline_round(double limit) {
        const double nx = normal_.x(), ny = normal_.y(), nz = normal_.z();
        const double fx = panel_.fast_axis.x(), fy = panel_.fast_axis.y(), fz = panel_.fast_axis.z();
        const double sx = panel_.slow_axis.x(), sy = panel_.slow_axis.y(), sz = panel_.slow_axis.z();
        const double px_per_mm = 1.0 / grid_.pitch_mm;
        const double first_fast = grid_.first_mm.dot(panel_.fast_axis) * px_per_mm;
        const double first_slow = grid_.first_mm.dot(panel_.slow_axis) * px_per_mm;
        const double close_px = close_mm_ * px_per_mm;
        const double steep = 1.0 / widest_;
        scale_.resize(spots_.count);
        for (std::size_t i = 0; i < spots_.count; ++i) {
            scale_[i] = steep * table_.wavenumber_invA[static_cast<std::size_t>(spots_.step[i])];
        }
        const double* const vx = spots_.vx.data();
        const double* const vy = spots_.vy.data();
        const double* const vz = spots_.vz.data();
        const double* const scale = scale_.data();
        double* const fast = spots_.fast.data();
        double* const slow = spots_.slow.data();
        double* const half_width = spots_.half_width.data();
        double* const half_height = spots_.half_height.data();
        double* const shear = spots_.shear.data();
        double* const rest2 = spots_.rest2.data();
        double* const per_fast2 = spots_.per_fast2.data();
        double* const per_slow2 = spots_.per_slow2.data();
        const std::size_t count = spots_.count;
#pragma GCC ivdep
        for (std::size_t i = 0; i < count; ++i) {
            const double x = vx[i], y = vy[i], z = vz[i];
            const double length = std::sqrt(x * x + y * y + z * z);
            const double per_length = 1.0 / length;
            const double along = nx * x + ny * y + nz * z;
            const double cosine = along * per_length;
            const double toward = std::max(cosine, 0.01) * length;
            const double f = fx * x + fy * y + fz * z;
            const double s = sx * x + sy * y + sz * z;
            const double df = f * per_length;
            const double ds = s * per_length;
            fast[i] = f * close_px / toward - first_fast;
            slow[i] = s * close_px / toward - first_slow;
            // Of one pixel across the ray, in the argument of the shape.
            const double step = scale[i] * std::max(cosine, 0.01) / close_px;
            const double off = scale[i] * (1.0 - length);
            const double rest = limit - off * off;
            const double across2 = step * step;
            const double width = std::max(rest, 0.0) / (across2 * cosine * cosine);
            half_width[i] = std::sqrt(width * (1.0 - ds * ds));
            half_height[i] = std::sqrt(width * (1.0 - df * df));
            shear[i] = df * ds / (1.0 - df * df);
            per_fast2[i] = across2 * (1.0 - df * df);
            per_slow2[i] = across2 * cosine * cosine / (1.0 - df * df);
            rest2[i] = cosine < 0.01 ? -1.0 : rest;
        }
    }

    // The same for any Gaussian and for the top hat, which are nearest to the lattice point somewhere else.
    void outline(double limit) {
        const double pitch = grid_.pitch_mm;
        for (std::size_t i = 0; i < spots_.count; ++i) {
            spots_.rest2[i] = -1.0;
            const Step& step = table_.steps[static_cast<std::size_t>(spots_.step[i])];
            const double wavelength = scene_.sources[static_cast<std::size_t>(step.source)].wavelength_A;
            const Eigen::Vector3d v(spots_.vx[i], spots_.vy[i], spots_.vz[i]);
            const double length = v.norm();
            const Eigen::Vector3d d = v / length;
            const double cosine = normal_.dot(d);
            if (cosine < 0.01) continue;
            const double range_mm = close_mm_ / cosine;
            const Eigen::Vector3d offset = range_mm * d - grid_.first_mm;
            const Eigen::Matrix3d& argument = argument_[static_cast<std::size_t>(step.setting)];
            const double scale = pitch / (range_mm * wavelength);
            const Eigen::Vector3d along_fast = argument * (scale * (panel_.fast_axis - d.dot(panel_.fast_axis) * d));
            const Eigen::Vector3d along_slow = argument * (scale * (panel_.slow_axis - d.dot(panel_.slow_axis) * d));
            const Eigen::Vector3d x = argument * (d * ((1.0 - length) / wavelength));
            const double ff = along_fast.squaredNorm();
            const double fs = along_fast.dot(along_slow);
            const double ss = along_slow.squaredNorm();
            const double gf = along_fast.dot(x);
            const double gs = along_slow.dot(x);
            const double determinant = ff * ss - fs * fs;
            if (!(determinant > 0)) continue;
            const double fast = (fs * gs - ss * gf) / determinant;
            const double slow = (fs * gf - ff * gs) / determinant;
            const double rest2 = limit - (x.squaredNorm() + gf * fast + gs * slow);
            if (rest2 <= 0) continue;
            spots_.fast[i] = offset.dot(panel_.fast_axis) / pitch + fast;
            spots_.slow[i] = offset.dot(panel_.slow_axis) / pitch + slow;
            spots_.half_height[i] = std::sqrt(rest2 * ff / determinant);
            spots_.half_width[i] = std::sqrt(rest2 * ss / determinant);
            spots_.shear[i] = -fs / ff;
            spots_.rest2[i] = rest2;
            spots_.per_fast2[i] = ff;
            spots_.per_slow2[i] = determinant / ff;
        }
    }

    // Around all spots if they fit, otherwise around the first.
    void place_patch() {
        double fast_low = 1e9, fast_high = -1e9, slow_low = 1e9, slow_high = -1e9;
        for (const std::size_t i : pending_) {
            fast_low = std::min(fast_low, spots_.fast[i] - spots_.half_width[i]);
            fast_high = std::max(fast_high, spots_.fast[i] + spots_.half_width[i]);
            slow_low = std::min(slow_low, spots_.slow[i] - spots_.half_height[i]);
            slow_high = std::max(slow_high, spots_.slow[i] + spots_.half_height[i]);
        }
        const auto around = [&](double low, double high, double first, int from, int to, int& start, int& count) {
            if (std::floor(high) - std::floor(low) + 3 > patch_px) {
                low = std::floor(first) - patch_px / 2;
                high = low + patch_px - 3;
            }
            start = std::max(static_cast<int>(std::floor(low)) - 1, from);
            count = std::max(std::min(static_cast<int>(std::ceil(high)) + 1, to) - start + 1, 0);
            count = std::min(count, patch_px);
        };
        int fast = 0, slow = 0, width = 0, height = 0;
        around(fast_low, fast_high, spots_.fast[pending_.front()], region_.fast_first, region_.fast_last, fast, width);
        around(slow_low, slow_high, spots_.slow[pending_.front()], region_.slow_first, region_.slow_last, slow, height);
        patch_.place(grid_, fast, slow, width, height);
    }

    // False if part of the spot inside the region lies outside the patch.
    bool paint(std::size_t i) {
        const double fast = spots_.fast[i], slow = spots_.slow[i];
        const double half_width = spots_.half_width[i] + margin_px;
        const double half_height = spots_.half_height[i] + margin_px;
        Footprint footprint;
        footprint.fast_low = std::max(static_cast<int>(std::ceil(fast - half_width)), region_.fast_first);
        footprint.fast_high = std::min(static_cast<int>(std::floor(fast + half_width)), region_.fast_last);
        footprint.slow_low = std::max(static_cast<int>(std::ceil(slow - half_height)), region_.slow_first);
        footprint.slow_high = std::min(static_cast<int>(std::floor(slow + half_height)), region_.slow_last);
        if (footprint.fast_low > footprint.fast_high || footprint.slow_low > footprint.slow_high) return true;
        // A spot larger than a patch was ruled out before; what does not fit now has a patch of its own later.
        if (!patch_.holds(footprint)) return false;

        const auto number = static_cast<std::size_t>(spots_.step[i]);
        const Eigen::Vector3d v(spots_.vx[i], spots_.vy[i], spots_.vz[i]);
        const Ellipse ellipse{
            fast, slow, spots_.shear[i], spots_.rest2[i], spots_.per_fast2[i], spots_.per_slow2[i], margin_px};
        const double share = weighs_sources_ ? source_share(number, v) : 1.0;
        if constexpr (law == Law::round_gaussian) {
            const Eigen::Vector3d offset = patch_.middle - v;
            const double start = table_.weight_log2[number] + (weighs_sources_ ? std::log2(share) : 0.0);
            std::array<Border<T>, 3> borders;
            for (std::size_t k = 0; k < borders_; ++k) {
                const Eigen::Vector3d slope =
                    lattice_.hkl_from_lab[static_cast<std::size_t>(table_.steps[number].setting)]
                        .row(border_axes_[k])
                        .transpose() *
                    table_.wavenumber_invA[number];
                borders[k] = Border<T>(slope, slope.dot(offset));
            }
            const auto add = [&]<std::size_t count>(std::integral_constant<std::size_t, count>) {
                patch_.template add_round<count>(footprint, ellipse, offset, scale_[i], start, borders);
            };
            switch (borders_) {
                case 0:
                    add(std::integral_constant<std::size_t, 0>{});
                    break;
                case 1:
                    add(std::integral_constant<std::size_t, 1>{});
                    break;
                case 2:
                    add(std::integral_constant<std::size_t, 2>{});
                    break;
                default:
                    add(std::integral_constant<std::size_t, 3>{});
            }
        } else {
            const Step& step = table_.steps[number];
            const Eigen::Matrix3d slope =
                argument_[static_cast<std::size_t>(step.setting)] * table_.wavenumber_invA[number];
            patch_.template add<law, overlap>(footprint, ellipse, slope * (patch_.middle - v), slope,
                                              step.weight * share, hkl_from_shape_);
        }
        return true;
    }

    // The polarisation of a step relative to the first source's, which add() takes at each pixel: the ratio hardly
    // changes across a spot.
    [[nodiscard]] double source_share(std::size_t step, const Eigen::Vector3d& v) const {
        const Source& source = scene_.sources[static_cast<std::size_t>(table_.steps[step].source)];
        const Eigen::Vector3d direction = v.normalized();
        return std::max(source_factor(scene_, source, direction), 1e-6) /
               std::max(source_factor(scene_, scene_.sources.front(), direction), 1e-6);
    }

    const Scene& scene_;
    const Lattice& lattice_;
    const Panel& panel_;
    const PixelRegion region_;
    std::vector<Eigen::Matrix3d> argument_;  // shape_from_hkl * hkl_from_lab of each setting
    Eigen::Matrix3d hkl_from_shape_;
    double widest_ = 0.0;  // 1/A per unit of the argument, along the block's thinnest direction
    Eigen::Vector3d normal_, origin_mm_;
    double close_mm_ = 0.0;
    PointGrid grid_;
    std::vector<double> raw_;  // sum of F^2 * shape * weight of each pixel
    double largest_ = 0.0;     // of it, so far
    StepTable table_;
    bool weighs_sources_ = false;
    std::size_t borders_ = 0;
    std::array<int, 3> border_axes_{};
    Step nominal_;
    double turn_ = 0.0, tilt_ = 0.0, stretch_ = 0.0, longest_A_ = 0.0;
    std::array<std::vector<double>, 3> rotated_;
    std::vector<double> outside_, scale_;
    Spots spots_;
    std::vector<std::size_t> pending_, later_;
    Patch<T> patch_;
    std::optional<RayPainter> rays_;  // where all blocks meet the same sources
};

double shortest_A(const Scene& scene) {
    return std::ranges::min_element(scene.sources, {}, &Source::wavelength_A)->wavelength_A;
}

double largest_argument(const Lattice& lattice) { return lattice.crystal->shape == BlockShape::top_hat ? 1.0 : 5.0; }

double reach_in_indices(const Lattice& lattice) {
    return lattice.shape_from_hkl.inverse().rowwise().norm().maxCoeff() * largest_argument(lattice);
}

// True if the shape falls alike in all directions.
bool is_round(const Lattice& lattice) {
    const Eigen::Vector3d stretch =
        (lattice.shape_from_hkl * lattice.hkl_from_lab.front()).jacobiSvd().singularValues();
    return stretch.maxCoeff() - stretch.minCoeff() < 1e-10 * stretch.maxCoeff();
}

template <class T, Law law>
void run(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
         Image<double>& image) {
    // The argument at which a faint image is cut may be larger.
    if (reach_in_indices(lattice) * (law == Law::top_hat ? 1.0 : 1.6) >= 0.5) {
        Sparse<T, law, Overlap::clipped>(scene, lattice, panel, region).add(image);
    } else {
        Sparse<T, law, Overlap::none>(scene, lattice, panel, region).add(image);
    }
}

template <class T>
void run_gaussian(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                  Image<double>& image) {
    if (is_round(lattice)) {
        Sparse<T, Law::round_gaussian, Overlap::clipped>(scene, lattice, panel, region).add(image);
    } else {
        run<T, Law::gaussian>(scene, lattice, panel, region, image);
    }
}

}  // namespace

bool sparse_suffices(const Scene& scene, const Lattice& lattice, const Panel& panel) {
    const PixelOptions& options = *scene.options;
    const BlockShape shape = lattice.crystal->shape;
    const bool compact =
        shape == BlockShape::gaussian || shape == BlockShape::gaussian_stock || shape == BlockShape::top_hat;
    if (!compact || options.curvature || options.pixel_d_min_A > 0) return false;
    if (options.outside && options.outside->f_e > 0) return false;
    // Blocks so small that reflections reach across cells are as fast without, and spots must fit into a patch.
    if (reach_in_indices(lattice) > 1.0) return false;
    const double cut = largest_argument(lattice);
    const double widest =
        1.0 / (lattice.shape_from_hkl * lattice.hkl_from_lab.front()).jacobiSvd().singularValues().minCoeff();
    double longest = 0.0;
    for (const Source& source : scene.sources) longest = std::max(longest, source.wavelength_A);
    double farthest_mm = 0.0;
    for (const double fast : {0.0, static_cast<double>(panel.width_px)}) {
        for (const double slow : {0.0, static_cast<double>(panel.height_px)}) {
            farthest_mm = std::max(farthest_mm, lab_from_panel_mm(panel, fast, slow).norm());
        }
    }
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    const double radius_px = cut * widest * longest * farthest_mm * farthest_mm / close_mm / panel.pixel_size_mm;
    // Footprints are ellipses to first order: small ones.
    return radius_px < 8.0;
}

void add_sparse(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                Image<double>& image) {
    if (lattice.crystal->shape == BlockShape::top_hat) {
        // An edge decides all or nothing.
        run<double, Law::top_hat>(scene, lattice, panel, region, image);
        return;
    }
    if (single_precision_holds(lattice.shape_from_hkl * lattice.hkl_from_lab.front() / shortest_A(scene), panel,
                               patch_px)) {
        run_gaussian<float>(scene, lattice, panel, region, image);
    } else {
        run_gaussian<double>(scene, lattice, panel, region, image);
    }
}

}  // namespace braggbench::pixels
