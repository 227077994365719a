#include "simulator/pixel_rows.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "simulator/constants.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {

void trace_row(const Experiment& experiment, int panel_number, int slow_px, PixelRow& row) {
    const Panel& panel = experiment.detector.panels[static_cast<std::size_t>(panel_number)];
    const auto width = static_cast<std::size_t>(panel.width_px);
    row.panel = panel_number;
    row.slow_px = slow_px;
    for (std::vector<float>* array : {&row.qx_invA, &row.qy_invA, &row.qz_invA, &row.stol_invA, &row.photons_per_e2}) {
        array->resize(width);
    }
    const Eigen::Vector3f start = lab_from_panel_mm(panel, 0.5, slow_px + 0.5).cast<float>();
    const Eigen::Vector3f step = (panel.pixel_size_mm * panel.fast_axis).cast<float>();
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    const auto photons = static_cast<float>(classical_electron_radius_m * classical_electron_radius_m *
                                            experiment.beam.fluence_photons_per_m2 * panel.pixel_size_mm *
                                            panel.pixel_size_mm * close_mm);
    const auto kahn = static_cast<float>(experiment.beam.polarization);
    const auto k = static_cast<float>(1.0 / experiment.beam.wavelength_A);
    const bool thick = experiment.detector.sensor_thickness_um > 0;
    const auto depth = static_cast<float>(thick ? experiment.detector.sensor_thickness_um /
                                                      (experiment.detector.sensor_attenuation_length_um * close_mm)
                                                : 0.0);
    float* const qx = row.qx_invA.data();
    float* const qy = row.qy_invA.data();
    float* const qz = row.qz_invA.data();
    float* const stol = row.stol_invA.data();
    float* const per_e2 = row.photons_per_e2.data();
    for (std::size_t i = 0; i < width; ++i) {
        const auto n = static_cast<float>(static_cast<int>(i));
        const float x = start.x() + n * step.x();
        const float y = start.y() + n * step.y();
        const float z = start.z() + n * step.z();
        const float transverse2 = x * x + y * y;
        const float range2 = transverse2 + z * z;
        const float range = std::sqrt(range2);
        const float per_range = 1.0F / range;
        const float cosine = z * per_range;
        // 1 - cos(2 theta), free of cancellation in the forward half.
        const float versine = z > 0 ? transverse2 * per_range / (range + z) : 1.0F - cosine;
        qx[i] = k * x * per_range;
        qy[i] = k * y * per_range;
        qz[i] = -k * versine;
        stol[i] = k * std::sqrt(0.5F * versine);
        const float azimuthal = (x * x - y * y) * per_range * per_range;
        per_e2[i] = photons * 0.5F * (1.0F + cosine * cosine - kahn * azimuthal) * per_range * per_range * per_range;
    }
    if (!thick) return;
    for (std::size_t i = 0; i < width; ++i) {
        const auto n = static_cast<float>(static_cast<int>(i));
        const float x = start.x() + n * step.x();
        const float y = start.y() + n * step.y();
        const float z = start.z() + n * step.z();
        per_e2[i] *= 1.0F - fast_exp(-depth * std::sqrt(x * x + y * y + z * z));
    }
}

// |q| of the pixel corner that is farthest from the beam.
double largest_q_invA(const Experiment& experiment) {
    double largest2 = 0.0;
    for (const Panel& panel : experiment.detector.panels) {
        for (const int fast : {0, panel.width_px}) {
            for (const int slow : {0, panel.height_px}) {
                const double cosine = lab_from_panel_mm(panel, fast, slow).normalized().z();
                largest2 = std::max(largest2, 2.0 * (1.0 - cosine));
            }
        }
    }
    return std::sqrt(largest2) / experiment.beam.wavelength_A;
}

}  // namespace braggbench
