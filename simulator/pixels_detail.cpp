#include "simulator/pixels_detail.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/geometry.hpp"

namespace braggbench::pixels {
namespace {

// Away from the sample.
Eigen::Vector3d outward_normal(const Panel& panel) {
    const Eigen::Vector3d normal = panel.fast_axis.cross(panel.slow_axis);
    return normal.dot(panel.origin_mm) < 0 ? Eigen::Vector3d(-normal) : normal;
}

double layer_mm(const Scene& scene) {
    return scene.experiment->detector.sensor_thickness_um * 1e-3 / scene.sampling->thickness_steps;
}

// Of what reaches this layer's front and is absorbed in it, of all that reaches the sensor.
double layer_capture(const Scene& scene, const Eigen::Vector3d& normal, const Eigen::Vector3d& direction, int layer) {
    const Detector& detector = scene.experiment->detector;
    if (detector.sensor_thickness_um <= 0) return 1.0;
    const double depth =
        layer_mm(scene) / (detector.sensor_attenuation_length_um * 1e-3 * std::abs(normal.dot(direction)));
    return -std::exp(-layer * depth) * std::expm1(-depth);
}

double solid_angle(const Scene& scene, const Panel& panel, double close_mm, const Eigen::Vector3d& position_mm) {
    const double range2 = position_mm.squaredNorm();
    // nanoBragg counts in metres.
    if (scene.options->solid_angle == PixelOptions::SolidAngle::point) return 1e6 / range2;
    return panel.pixel_size_mm * panel.pixel_size_mm * close_mm / (range2 * std::sqrt(range2));
}

constexpr double unit_roundoff = 6e-8;
constexpr double largest_error = 5e-6;

}  // namespace

Eigen::Vector2d point_in_pixel(int oversample, int point) {
    return {(point % oversample + 0.5) / oversample, (point / oversample + 0.5) / oversample};
}

float IntensityTable::operator()(int h, int k, int l) const {
    const auto at = [&](std::size_t axis, int index) {
        return static_cast<std::size_t>(std::clamp(index - first[axis], 0, count[axis] - 1));
    };
    return f2[(at(0, h) * static_cast<std::size_t>(count[1]) + at(1, k)) * static_cast<std::size_t>(count[2]) +
              at(2, l)];
}

std::vector<Step> Scene::steps(int spindle, int point) const {
    std::vector<Step> list;
    const int points = sampling->oversample * sampling->oversample;
    if (sampling->combination == PixelSampling::Combination::product) {
        for (int source = 0; source < static_cast<int>(sources.size()); ++source) {
            const double weight = sources[static_cast<std::size_t>(source)].weight / blocks / spindle_steps;
            if (!(weight > 0)) continue;
            for (int block = 0; block < blocks; ++block) list.push_back({spindle * blocks + block, source, weight});
        }
    } else {
        for (int i = point; i < blocks; i += points) {
            const double weight = sources[static_cast<std::size_t>(i)].weight * points / spindle_steps;
            if (weight > 0) list.push_back({spindle * blocks + i, i, weight});
        }
    }
    return list;
}

PolarizationFrame::PolarizationFrame(const Eigen::Vector3d& incident)
    : incident_(incident),
      electric_(incident.cross(Eigen::Vector3d::UnitX().cross(incident)).normalized()),
      magnetic_(Eigen::Vector3d::UnitX().cross(incident).normalized()) {}

bool polarization_varies(const Scene& scene) {
    return scene.options->polarized && !scene.one_direction &&
           scene.options->polarization_factor == PixelOptions::Factors::every_step;
}

double source_factor(const Scene& scene, const Source& source, const Eigen::Vector3d& direction) {
    const double d_min_A = scene.options->pixel_d_min_A;
    if (d_min_A > 0 && (direction - source.incident).norm() * d_min_A > source.wavelength_A) return 0.0;
    if (!polarization_varies(scene)) return 1.0;
    return PolarizationFrame(source.incident).factor(direction, scene.experiment->beam.polarization);
}

Eigen::Vector3d place_mm(const Scene& scene, const Panel& panel, double fast_px, double slow_px, int layer) {
    const Eigen::Vector3d flat =
        lab_from_panel_mm(panel, fast_px, slow_px) + layer * layer_mm(scene) * outward_normal(panel);
    if (!scene.options->curvature) return flat;
    const PixelOptions::Curvature& curvature = *scene.options->curvature;
    const double first = flat.dot(curvature.first) / curvature.radius_mm;
    const double second = flat.dot(curvature.second) / curvature.radius_mm;
    return Eigen::AngleAxisd(second, panel.fast_axis) *
           (Eigen::AngleAxisd(first, panel.slow_axis) * Eigen::Vector3d(0, 0, curvature.radius_mm));
}

void trace_tile(const Scene& scene, const Panel& panel, int fast, int slow, int layer, int point, TileGeometry& tile) {
    using Factors = PixelOptions::Factors;
    const PixelOptions& options = *scene.options;
    const int oversample = scene.sampling->oversample;
    const Eigen::Vector2d within = point_in_pixel(oversample, point);
    const Eigen::Vector2d first_within = point_in_pixel(oversample, 0);
    const Eigen::Vector3d normal = outward_normal(panel);
    const double close_mm = normal.dot(panel.origin_mm);
    const PolarizationFrame frame(scene.sources.front().incident);
    const bool polarize = options.polarized && !polarization_varies(scene);
    const double kahn = scene.experiment->beam.polarization;
    const bool stock_place = options.solid_angle_factor == Factors::stock ||
                             options.polarization_factor == Factors::stock || options.capture_factor == Factors::stock;
    const double half = 0.5 * tile_px;
    tile.fast = fast;
    tile.slow = slow;
    tile.middle = place_mm(scene, panel, fast + half, slow + half, layer).normalized();
    std::size_t i = 0;
    for (int row = slow; row < slow + tile_px; ++row) {
        for (int column = fast; column < fast + tile_px; ++column, ++i) {
            const Eigen::Vector3d position = place_mm(scene, panel, column + within.x(), row + within.y(), layer);
            const Eigen::Vector3d direction = position.normalized();
            tile.direction[i] = direction;
            Eigen::Vector3d omega_place = position;
            Eigen::Vector3d polarization_direction = direction;
            Eigen::Vector3d capture_direction = direction;
            int capture_layer = layer;
            if (stock_place) {
                const auto first = [&](int of_layer) {
                    return place_mm(scene, panel, column + first_within.x(), row + first_within.y(), of_layer);
                };
                if (options.solid_angle_factor == Factors::stock) omega_place = first(0);
                if (options.polarization_factor == Factors::stock) polarization_direction = first(0).normalized();
                if (options.capture_factor == Factors::stock) {
                    capture_layer = scene.sampling->thickness_steps - 1;
                    capture_direction = first(capture_layer).normalized();
                }
            }
            tile.factor[i] = solid_angle(scene, panel, close_mm, omega_place) *
                             layer_capture(scene, normal, capture_direction, capture_layer) *
                             (polarize ? frame.factor(polarization_direction, kahn) : 1.0);
        }
    }
}

void TileGeometry::deposit(const PixelRegion& region, double scale, std::span<const double> values, const Panel& panel,
                           Image<double>& image) const {
    const int columns = std::min(tile_px, region.fast_last - fast + 1);
    const int rows = std::min(tile_px, region.slow_last - slow + 1);
    for (int row = 0; row < rows; ++row) {
        double* const pixels = &image(panel.image_fast_px + fast, panel.image_slow_px + slow + row);
        for (int column = 0; column < columns; ++column) {
            const auto i = static_cast<std::size_t>(row * tile_px + column);
            pixels[column] += scale * factor[i] * values[i];
        }
    }
}

bool single_precision_suffices(const Scene& scene, const Lattice& lattice, const Panel& panel, int reach_px) {
    // An edge decides all or nothing, and nothing averages its error out.
    if (lattice.crystal->shape == BlockShape::top_hat) return false;
    double shortest_A = scene.sources.front().wavelength_A;
    for (const Source& source : scene.sources) shortest_A = std::min(shortest_A, source.wavelength_A);
    const double close_mm = std::abs(outward_normal(panel).dot(panel.origin_mm));
    const double nearest_mm = scene.options->curvature ? scene.options->curvature->radius_mm : close_mm;
    const double turn = std::numbers::sqrt2 * 0.5 * reach_px * panel.pixel_size_mm / nearest_mm;
    const Eigen::Matrix3d argument_from_direction = lattice.shape_from_hkl * lattice.hkl_from_lab.front() / shortest_A;
    const double indices = lattice.hkl_from_lab.front().rowwise().norm().maxCoeff() / shortest_A * turn;
    const double error =
        unit_roundoff * std::max(argument_from_direction.rowwise().norm().maxCoeff() * turn,
                                 lattice.shape_from_hkl.diagonal().cwiseAbs().maxCoeff() * std::max(indices, 1.0));
    const bool fringes = lattice.crystal->shape == BlockShape::square || lattice.crystal->shape == BlockShape::round;
    return error * (fringes ? std::numbers::pi : 1.0) < largest_error;
}

bool single_precision_holds(const Eigen::Matrix3d& argument_from_direction, const Panel& panel, int reach_px) {
    const double close_mm = std::abs(outward_normal(panel).dot(panel.origin_mm));
    const double turn = std::numbers::sqrt2 * 0.5 * reach_px * panel.pixel_size_mm / close_mm;
    return unit_roundoff * argument_from_direction.rowwise().norm().maxCoeff() * turn < largest_error;
}

}  // namespace braggbench::pixels
