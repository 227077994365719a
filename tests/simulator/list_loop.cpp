#include "tests/simulator/list_loop.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <cmath>
#include <numbers>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

double shape_value(const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl, const Eigen::Vector3d& dh) {
    const Eigen::Vector3d& n = crystal.cells_per_block;
    const double hrad2 = n.cwiseProduct(dh).squaredNorm();
    const double star2 = std::pow(n.prod(), 2) * (lab_from_hkl * dh).squaredNorm();
    switch (crystal.shape) {
        case BlockShape::gaussian:
            return std::exp(-2 * hrad2 / 0.63);
        case BlockShape::gaussian_stock:
            return std::exp(-2 * star2 / 0.63);
        case BlockShape::top_hat:
            return star2 < 0.3969 ? 1 : 0;
        case BlockShape::round: {
            const double x = std::numbers::pi * std::sqrt(hrad2);
            const double f = x < 1e-3 ? 1 - x * x / 10 : 3 * (std::sin(x) / x - std::cos(x)) / (x * x);
            return std::numbers::pi / 6 * f * f;
        }
        case BlockShape::square:
            break;
    }
    double f = 1;
    for (int i = 0; i < 3; ++i) {
        const double y = std::numbers::pi * dh[i];
        if (n[i] > 1 && std::abs(y) > 1e-12) f *= std::sin(n[i] * y) / (n[i] * std::sin(y));
    }
    return f * f;
}

// Kahn et al. 1982.
double polarization(const Eigen::Vector3d& direction, const Eigen::Vector3d& incident, double kahn) {
    const Eigen::Vector3d b = Eigen::Vector3d::UnitX().cross(incident).normalized();
    const Eigen::Vector3d e = incident.cross(b);
    const double cosine = direction.dot(incident);
    const double psi = std::atan2(direction.dot(b), direction.dot(e));
    return 0.5 * (1 + cosine * cosine - kahn * std::cos(2 * psi) * (1 - cosine * cosine));
}

}  // namespace

Image<double> list_loop(const Experiment& experiment, const PixelSampling& sampling,
                        const std::optional<PixelRegion>& region) {
    const Crystal& crystal = experiment.crystals.front();
    const StructureFactors& factors = *crystal.structure_factors;
    const Eigen::Matrix3d lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(factors.cell());
    const Panel& panel = experiment.detector.panels.front();
    const double cells = crystal.cells_per_block.prod();
    const double scale = std::pow(classical_electron_radius_m, 2) * experiment.beam.fluence_photons_per_m2 *
                         crystal.illuminated_volume_um3 * 1e12 / (cells * volume_A3(factors.cell())) * cells * cells;
    const int os = sampling.oversample;
    const double layer_um = experiment.detector.sensor_thickness_um / sampling.thickness_steps;
    double weights = 0;
    for (const Source& source : sampling.sources) weights += source.weight;
    std::vector<Eigen::Matrix3d> hkl_from_lab;
    for (const Eigen::Matrix3d& block : sampling.mosaic_blocks.front()) {
        hkl_from_lab.emplace_back((block * lab_from_hkl).inverse());
    }
    const PixelRegion all = region.value_or(PixelRegion{0, panel.width_px - 1, 0, panel.height_px - 1});
    Image<double> image(panel.width_px, panel.height_px);
    for (int slow = all.slow_first; slow <= all.slow_last; ++slow) {
        for (int fast = all.fast_first; fast <= all.fast_last; ++fast) {
            double sum = 0;
            for (int layer = 0; layer < sampling.thickness_steps; ++layer) {
                for (int point = 0; point < os * os; ++point) {
                    const Eigen::Vector3d position =
                        lab_from_panel_mm(panel, fast + (point % os + 0.5) / os, slow + (point / os + 0.5) / os) +
                        Eigen::Vector3d(0, 0, layer * layer_um * 1e-3);
                    const Eigen::Vector3d d = position.normalized();
                    const double mu = 1 / (experiment.detector.sensor_attenuation_length_um * d.z());
                    const double capture =
                        layer_um > 0 ? std::exp(-layer * layer_um * mu) - std::exp(-(layer + 1) * layer_um * mu) : 1.0;
                    for (const Source& source : sampling.sources) {
                        const double factor = capture * solid_angle_sr(panel, position) * source.weight / weights *
                                              polarization(d, source.incident, experiment.beam.polarization);
                        const Eigen::Vector3d q = (d - source.incident) / source.wavelength_A;
                        for (const Eigen::Matrix3d& to_hkl : hkl_from_lab) {
                            const Eigen::Vector3d hkl = to_hkl * q;
                            const Eigen::Vector3d nearest = (hkl.array() - 0.5).ceil();
                            if (nearest.isZero()) continue;
                            const auto f =
                                static_cast<double>(factors(static_cast<int>(nearest[0]), static_cast<int>(nearest[1]),
                                                            static_cast<int>(nearest[2])));
                            sum += f * f * shape_value(crystal, lab_from_hkl, hkl - nearest) * factor;
                        }
                    }
                }
            }
            image(fast, slow) = scale * sum / (os * os) / static_cast<double>(hkl_from_lab.size());
        }
    }
    return image;
}

}  // namespace braggbench
