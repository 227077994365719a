#include "simulator/pixel_rows.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "simulator/constants.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/geometry.hpp"

namespace braggbench {
namespace {

// What a row's loop needs, in the precision it runs in. Positions count from the pixel nearest to the beam axis, so
// that rounding is relative to the distance from the axis and q keeps its precision down to the beam.
struct RowLine {
    Eigen::Vector3f anchor_mm;
    Eigen::Vector3f step_mm;
    int anchor_px;
    float photons;  // r_e^2 fluence * pixel area * distance of the plane / 2
    float kahn;
    float wavenumber;  // 1/A
    float depth;       // sensor thickness / (attenuation length * distance of the plane), per mm of range
};

struct RowArrays {
    float* __restrict qx;
    float* __restrict qy;
    float* __restrict qz;
    float* __restrict stol;
    float* __restrict per_e2;
};

// 1 - exp(-x) for x >= 0 to 1e-6 relative: the series where the difference would cancel.
inline float absorbed(float x) {
    const float series =
        x * (1.0F - x * (1.0F / 2 - x * (1.0F / 6 - x * (1.0F / 24 - x * (1.0F / 120 - x * (1.0F / 720))))));
    return x < 0.5F ? series : 1.0F - fast_exp(-x);
}

template <bool thick>
void trace(const RowLine& line, int width, RowArrays out) {
    const float x0 = line.anchor_mm.x();
    const float y0 = line.anchor_mm.y();
    const float z0 = line.anchor_mm.z();
    const float dx = line.step_mm.x();
    const float dy = line.step_mm.y();
    const float dz = line.step_mm.z();
    const auto [anchor, step, anchor_px, photons, kahn, k, depth] = line;
    const float less = 1.0F - kahn;
    const float more = 1.0F + kahn;
    for (int i = 0; i < width; ++i) {
        const auto n = static_cast<float>(i - anchor_px);
        const float x = x0 + n * dx;
        const float y = y0 + n * dy;
        const float z = z0 + n * dz;
        const float transverse2 = x * x + y * y;
        const float range = std::sqrt(transverse2 + z * z);
        const float per_range = 1.0F / range;
        // 1 - cos(2 theta), free of cancellation in the forward half.
        const float forward = transverse2 * per_range / (range + std::abs(z));
        const float versine = z > 0 ? forward : 2.0F - forward;
        out.qx[i] = k * x * per_range;
        out.qy[i] = k * y * per_range;
        out.qz[i] = -k * versine;
        out.stol[i] = k * std::sqrt(0.5F * versine);
        const float per_range2 = per_range * per_range;
        // Kahn's 1 + cos^2 2theta - K cos 2psi sin^2 2theta, as a sum of squares that cannot cancel.
        const float polarized = (less * (x * x) + more * (y * y) + 2.0F * (z * z)) * per_range2;
        float per_e2 = photons * polarized * per_range2 * per_range;
        if constexpr (thick) per_e2 *= absorbed(depth * range);
        out.per_e2[i] = per_e2;
    }
}

}  // namespace

void trace_row(const Experiment& experiment, int panel_number, int slow_px, PixelRow& row) {
    const Panel& panel = experiment.detector.panels[static_cast<std::size_t>(panel_number)];
    const auto width = static_cast<std::size_t>(panel.width_px);
    row.panel = panel_number;
    row.slow_px = slow_px;
    for (std::vector<float>* array : {&row.qx_invA, &row.qy_invA, &row.qz_invA, &row.stol_invA, &row.photons_per_e2}) {
        array->resize(width);
    }
    const Eigen::Vector3d start = lab_from_panel_mm(panel, 0.5, slow_px + 0.5);
    const Eigen::Vector3d step = panel.pixel_size_mm * panel.fast_axis;
    const double transverse2 = step.head<2>().squaredNorm();
    const double nearest = transverse2 > 0 ? -start.head<2>().dot(step.head<2>()) / transverse2 : 0.0;
    const double close_mm = std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
    RowLine line{};
    line.anchor_px = static_cast<int>(std::lround(std::clamp(nearest, 0.0, panel.width_px - 1.0)));
    line.anchor_mm = (start + line.anchor_px * step).cast<float>();
    line.step_mm = step.cast<float>();
    line.photons = static_cast<float>(0.5 * classical_electron_radius_m * classical_electron_radius_m *
                                      experiment.beam.fluence_photons_per_m2 * panel.pixel_size_mm *
                                      panel.pixel_size_mm * close_mm);
    line.kahn = static_cast<float>(experiment.beam.polarization);
    line.wavenumber = static_cast<float>(1.0 / experiment.beam.wavelength_A);
    const RowArrays out{row.qx_invA.data(), row.qy_invA.data(), row.qz_invA.data(), row.stol_invA.data(),
                        row.photons_per_e2.data()};
    if (experiment.detector.sensor_thickness_um > 0) {
        line.depth = static_cast<float>(experiment.detector.sensor_thickness_um /
                                        (experiment.detector.sensor_attenuation_length_um * close_mm));
        trace<true>(line, panel.width_px, out);
    } else {
        trace<false>(line, panel.width_px, out);
    }
}

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
