#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/SVD>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "simulator/geometry.hpp"
#include "simulator/pixels_detail.hpp"
#include "simulator/pixels_shapes.hpp"

namespace braggbench::pixels {
namespace {

// What is cut off at a pixel is less than this share of a mean reflection's peak, and of the image's maximum.
constexpr double cut_share_of_mean = 1e-6;
constexpr double cut_share_of_max = 2e-6;
// Beyond it single precision holds nothing.
constexpr double largest_x2 = 60.0;
// The largest piece of a panel that is painted at a time.
constexpr int patch_px = 48;
constexpr int lanes = 8;
constexpr int patch_stride = patch_px + 2 * lanes;

struct Reflection {
    Eigen::Vector3d r;  // in 1/A, at the spindle's setting, without mosaic rotation
    double f2 = 0.0;
};

// One spot of one step: its middle on the panel in pixels, and where its footprint ends.
struct Spot {
    int step = 0;
    double fast = 0.0, slow = 0.0;
    Eigen::Vector3d v;  // the direction in which the lattice point itself lies, in units of 1 / wavelength
    double half_height = 0.0;
    double shear = 0.0;      // of the footprint: shift along fast per row
    double rest2 = 0.0;      // cut^2 - smallest distance^2
    double per_fast2 = 0.0;  // distance^2 per pixel^2 along fast
    double per_slow2 = 0.0;  // and along slow, at the best place along fast
    double half_width = 0.0;
};

template <class T>
struct Patch {
    int fast = 0, slow = 0, width = 0, height = 0;
    Eigen::Vector3d middle;
    alignas(64) std::array<T, patch_px * patch_stride> x, y, z, sum;
};

// The block's shape in directions: x = matrix (d - v) / wavelength for each setting.
enum class Overlap {
    none,     // reflections end before they meet
    clipped,  // where they meet, a point belongs to the nearest one in indices
};

template <class T, bool top_hat, Overlap overlap>
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
                within_ = point_in_pixel(scene_.sampling->oversample, point);
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
            double mean_f2 = 0.0;
            for (int spindle = 0; spindle < scene_.spindle_steps; ++spindle)
                paint_spindle(spindle, point, share, mean_f2);
            const double largest = *std::ranges::max_element(raw_);
            if (top_hat || share * mean_f2 <= cut_share_of_max * largest || share < 1e-25) return;
            share = largest > 0 ? std::max(0.5 * cut_share_of_max * largest / mean_f2, 1e-26) : 1e-26;
        }
    }

    void paint_spindle(int spindle, int point, double share, double& mean_f2) {
        steps_ = scene_.steps(spindle, point);
        if (steps_.empty()) return;
        measure_spread();
        const std::vector<Reflection> reflections = candidates(share);
        if (reflections.empty()) return;
        double mean = 0.0;
        for (const Reflection& reflection : reflections) mean += reflection.f2;
        mean /= static_cast<double>(reflections.size());
        mean_f2 = std::max(mean_f2, mean);
        for (const Reflection& reflection : reflections) {
            const double x2 = top_hat ? 1.0 : std::clamp(std::log(reflection.f2 / (share * mean)), 0.0, largest_x2);
            if (x2 > 0) paint_reflection(reflection, x2);
        }
    }

    // How far settings and sources go from the first step's.
    void measure_spread() {
        const Step& first = steps_.front();
        const Eigen::Matrix3d& setting = lattice_.settings[static_cast<std::size_t>(first.setting)];
        const Source& source = scene_.sources[static_cast<std::size_t>(first.source)];
        nominal_ = first;
        turn_ = tilt_ = stretch_ = 0.0;
        longest_A_ = source.wavelength_A;
        for (const Step& step : steps_) {
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
        const double reach = widest_ * (top_hat ? 1.0 : std::sqrt(std::min(largest_x2, std::log(1e3 / share))));
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
        find_spots(reflection, x2);
        while (!spots_.empty()) {
            place_patch();
            later_.clear();
            for (const Spot& spot : spots_) {
                if (!paint(spot)) later_.push_back(spot);
            }
            deposit(reflection.f2);
            std::swap(spots_, later_);
        }
    }

    void find_spots(const Reflection& reflection, double x2) {
        spots_.clear();
        const double reach = 1.1 * widest_ * std::sqrt(x2);
        const Eigen::Matrix3d back = lattice_.settings[static_cast<std::size_t>(nominal_.setting)].transpose();
        const Eigen::Vector3d r0 = back * reflection.r;
        rotate_all(r0);
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const Step& step = steps_[i];
            const Source& source = scene_.sources[static_cast<std::size_t>(step.source)];
            const Eigen::Vector3d v =
                source.incident +
                source.wavelength_A * rotated_[static_cast<std::size_t>(step.setting - first_setting_)];
            const double thickness = source.wavelength_A * reach;
            if (std::abs(v.squaredNorm() - 1.0) > thickness * (2.0 + thickness)) continue;
            add_spot(static_cast<int>(i), v, 1.2 * x2);
        }
    }

    // The reflection in every setting that the steps use; settings of one spindle position lie together.
    void rotate_all(const Eigen::Vector3d& r0) {
        first_setting_ = nominal_.setting / scene_.blocks * scene_.blocks;
        rotated_.resize(static_cast<std::size_t>(scene_.blocks));
        for (int i = 0; i < scene_.blocks; ++i) {
            rotated_[static_cast<std::size_t>(i)] =
                lattice_.settings[static_cast<std::size_t>(first_setting_ + i)] * r0;
        }
    }

    void add_spot(int number, const Eigen::Vector3d& v, double x2) {
        const Step& step = steps_[static_cast<std::size_t>(number)];
        const double wavelength = scene_.sources[static_cast<std::size_t>(step.source)].wavelength_A;
        const double length = v.norm();
        const Eigen::Vector3d d = v / length;
        const double cosine = normal_.dot(d);
        if (cosine < 0.01) return;
        const double range_mm = close_mm_ / cosine;
        const Eigen::Vector3d offset = range_mm * d - origin_mm_;
        const double pitch = panel_.pixel_size_mm;
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
        if (!(determinant > 0)) return;
        const double fast = (fs * gs - ss * gf) / determinant;
        const double slow = (fs * gf - ff * gs) / determinant;
        const double rest2 = x2 - (x.squaredNorm() + gf * fast + gs * slow);
        if (rest2 <= 0) return;
        Spot spot;
        spot.step = number;
        spot.v = v;
        // In pixel numbers: the point of pixel n lies at n + within.
        spot.fast = offset.dot(panel_.fast_axis) / pitch - within_.x() + fast;
        spot.slow = offset.dot(panel_.slow_axis) / pitch - within_.y() + slow;
        spot.half_height = std::sqrt(rest2 * ff / determinant);
        spot.half_width = std::sqrt(rest2 * ss / determinant);
        spot.shear = -fs / ff;
        spot.rest2 = rest2;
        spot.per_fast2 = ff;
        spot.per_slow2 = determinant / ff;
        if (spot.fast + spot.half_width < region_.fast_first || spot.fast - spot.half_width > region_.fast_last ||
            spot.slow + spot.half_height < region_.slow_first || spot.slow - spot.half_height > region_.slow_last) {
            return;
        }
        spots_.push_back(spot);
    }

    // Around all spots if they fit, otherwise around the first.
    void place_patch() {
        double fast_low = 1e9, fast_high = -1e9, slow_low = 1e9, slow_high = -1e9;
        for (const Spot& spot : spots_) {
            fast_low = std::min(fast_low, spot.fast - spot.half_width);
            fast_high = std::max(fast_high, spot.fast + spot.half_width);
            slow_low = std::min(slow_low, spot.slow - spot.half_height);
            slow_high = std::max(slow_high, spot.slow + spot.half_height);
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
        around(fast_low, fast_high, spots_.front().fast, region_.fast_first, region_.fast_last, patch_.fast,
               patch_.width);
        around(slow_low, slow_high, spots_.front().slow, region_.slow_first, region_.slow_last, patch_.slow,
               patch_.height);
        patch_.middle = direction(patch_.fast + patch_.width / 2, patch_.slow + patch_.height / 2);
        // Lanes beyond the last column are computed and thrown away.
        for (int row = 0; row < patch_.height; ++row) {
            for (int column = 0; column < patch_.width + lanes; ++column) {
                const Eigen::Vector3d offset = direction(patch_.fast + column, patch_.slow + row) - patch_.middle;
                const auto i = static_cast<std::size_t>(row * patch_stride + column);
                patch_.x[i] = static_cast<T>(offset.x());
                patch_.y[i] = static_cast<T>(offset.y());
                patch_.z[i] = static_cast<T>(offset.z());
                patch_.sum[i] = T(0);
            }
        }
    }

    [[nodiscard]] Eigen::Vector3d direction(int fast, int slow) const {
        return (origin_mm_ + panel_.pixel_size_mm *
                                 ((fast + within_.x()) * panel_.fast_axis + (slow + within_.y()) * panel_.slow_axis))
            .normalized();
    }

    // False if part of the spot inside the region lies outside the patch.
    bool paint(const Spot& spot) {
        constexpr double margin_px = 0.25;
        const int fast_low =
            std::max(static_cast<int>(std::ceil(spot.fast - spot.half_width - margin_px)), region_.fast_first);
        const int fast_high =
            std::min(static_cast<int>(std::floor(spot.fast + spot.half_width + margin_px)), region_.fast_last);
        const int slow_low =
            std::max(static_cast<int>(std::ceil(spot.slow - spot.half_height - margin_px)), region_.slow_first);
        const int slow_high =
            std::min(static_cast<int>(std::floor(spot.slow + spot.half_height + margin_px)), region_.slow_last);
        if (fast_low > fast_high || slow_low > slow_high) return true;
        const bool fits = fast_low >= patch_.fast && fast_high < patch_.fast + patch_.width &&
                          slow_low >= patch_.slow && slow_high < patch_.slow + patch_.height;
        // A spot larger than a patch was ruled out before; what does not fit now has a patch of its own later.
        if (!fits) return false;

        const Step& step = steps_[static_cast<std::size_t>(spot.step)];
        const Source& source = scene_.sources[static_cast<std::size_t>(step.source)];
        const Eigen::Matrix3d slope = argument_[static_cast<std::size_t>(step.setting)] / source.wavelength_A;
        const Eigen::Vector3d base = slope * (patch_.middle - spot.v);
        double weight = step.weight;
        if (polarization_varies(scene_)) {
            // Relative to the first source's, which add() takes at each pixel: the ratio hardly changes across a spot.
            const Eigen::Vector3d direction = spot.v.normalized();
            weight *= source_factor(scene_, source, direction) /
                      std::max(source_factor(scene_, scene_.sources.front(), direction), 1e-6);
        }
        const Eigen::Matrix<T, 3, 3> m = slope.template cast<T>();
        const Eigen::Matrix<T, 3, 1> b = base.template cast<T>();
        const T m00 = m(0, 0), m01 = m(0, 1), m02 = m(0, 2), b0 = b[0];
        const T m10 = m(1, 0), m11 = m(1, 1), m12 = m(1, 2), b1 = b[1];
        const T m20 = m(2, 0), m21 = m(2, 1), m22 = m(2, 2), b2 = b[2];
        const T w = static_cast<T>(weight);
        // From the argument of the shape back to indices; upper triangular.
        const T i00 = static_cast<T>(hkl_from_shape_(0, 0)), i01 = static_cast<T>(hkl_from_shape_(0, 1));
        const T i02 = static_cast<T>(hkl_from_shape_(0, 2)), i11 = static_cast<T>(hkl_from_shape_(1, 1));
        const T i12 = static_cast<T>(hkl_from_shape_(1, 2)), i22 = static_cast<T>(hkl_from_shape_(2, 2));
        for (int row = slow_low; row <= slow_high; ++row) {
            const double up = row - spot.slow;
            const double width2 = (spot.rest2 - spot.per_slow2 * up * up) / spot.per_fast2;
            const double half = std::sqrt(std::max(width2, 0.0)) + margin_px;
            const double centre = spot.fast + spot.shear * up;
            const int first = std::max(static_cast<int>(std::ceil(centre - half)), fast_low);
            const int last = std::min(static_cast<int>(std::floor(centre + half)), fast_high);
            const std::ptrdiff_t line = static_cast<std::ptrdiff_t>(row - patch_.slow) * patch_stride - patch_.fast;
            for (int column = first; column <= last; column += lanes) {
                const T* const px = patch_.x.data() + line + column;
                const T* const py = patch_.y.data() + line + column;
                const T* const pz = patch_.z.data() + line + column;
                T* const sum = patch_.sum.data() + line + column;
                // The patch's arrays do not overlap.
#pragma GCC ivdep
                for (int i = 0; i < lanes; ++i) {
                    const T x0 = b0 + m00 * px[i] + m01 * py[i] + m02 * pz[i];
                    const T x1 = b1 + m10 * px[i] + m11 * py[i] + m12 * pz[i];
                    const T x2 = b2 + m20 * px[i] + m21 * py[i] + m22 * pz[i];
                    const T distance2 = x0 * x0 + x1 * x1 + x2 * x2;
                    T value;
                    if constexpr (top_hat) {
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
            }
        }
        return true;
    }

    void deposit(double f2) {
        for (int row = 0; row < patch_.height; ++row) {
            double* const pixels = raw_.data() + index(patch_.fast, patch_.slow + row);
            for (int column = 0; column < patch_.width; ++column) {
                pixels[column] +=
                    f2 * static_cast<double>(patch_.sum[static_cast<std::size_t>(row * patch_stride + column)]);
            }
        }
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
    Eigen::Vector2d within_;
    std::vector<double> raw_;  // sum of F^2 * shape * weight of each pixel
    std::vector<Step> steps_;
    Step nominal_;
    double turn_ = 0.0, tilt_ = 0.0, stretch_ = 0.0, longest_A_ = 0.0;
    int first_setting_ = 0;
    std::vector<Eigen::Vector3d> rotated_;
    std::vector<Spot> spots_, later_;
    Patch<T> patch_;
};

double shortest_A(const Scene& scene) {
    return std::ranges::min_element(scene.sources, {}, &Source::wavelength_A)->wavelength_A;
}

double largest_argument(const Lattice& lattice) { return lattice.crystal->shape == BlockShape::top_hat ? 1.0 : 5.0; }

double reach_in_indices(const Lattice& lattice) {
    return lattice.shape_from_hkl.inverse().rowwise().norm().maxCoeff() * largest_argument(lattice);
}

template <class T, bool top_hat>
void run(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
         Image<double>& image) {
    // The argument at which a faint image is cut may be larger.
    if (reach_in_indices(lattice) * (top_hat ? 1.0 : 1.6) < 0.5) {
        Sparse<T, top_hat, Overlap::none>(scene, lattice, panel, region).add(image);
    } else {
        Sparse<T, top_hat, Overlap::clipped>(scene, lattice, panel, region).add(image);
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
        run<double, true>(scene, lattice, panel, region, image);
        return;
    }
    constexpr double unit_roundoff = 6e-8;
    constexpr double largest_error = 5e-6;
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    const double turn = std::numbers::sqrt2 * 0.5 * patch_px * panel.pixel_size_mm / close_mm;
    const double steepest =
        (lattice.shape_from_hkl * lattice.hkl_from_lab.front()).rowwise().norm().maxCoeff() / shortest_A(scene);
    if (unit_roundoff * steepest * turn < largest_error) {
        run<float, false>(scene, lattice, panel, region, image);
    } else {
        run<double, false>(scene, lattice, panel, region, image);
    }
}

}  // namespace braggbench::pixels
