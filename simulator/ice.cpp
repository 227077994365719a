#include "simulator/ice.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"
#include "simulator/ice_rings.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/radial_curve.hpp"

namespace braggbench {
namespace {

using std::numbers::pi;

bool is_textured(const IcePhase& phase) { return phase.march != 1.0; }

// Replaces counts per cell by a curve in which each count is a Gaussian of unit integral over |q|. The width changes
// slowly, so that one kernel serves a block of cells.
void add_blurred(std::span<const double> counts, const auto& rms_invA, RadialCurve& curve) {
    constexpr std::ptrdiff_t block = 32;
    const double cell_invA = 2.0 * curve.step_invA();
    const std::span<float> values = curve.values();
    const auto size = static_cast<std::ptrdiff_t>(values.size());
    std::vector<double> kernel;
    for (std::ptrdiff_t start = 0; start < size; start += block) {
        const double rms = rms_invA(static_cast<double>(start + block / 2) * cell_invA) / cell_invA;
        const auto reach = static_cast<std::ptrdiff_t>(std::ceil(4.5 * rms));
        kernel.assign(static_cast<std::size_t>(reach) + 1, 0.0);
        double sum = 0.0;
        for (std::ptrdiff_t n = 0; n <= reach; ++n) {
            const double x = static_cast<double>(n) / rms;
            kernel[static_cast<std::size_t>(n)] = std::exp(-0.5 * x * x);
            sum += (n == 0 ? 1.0 : 2.0) * kernel[static_cast<std::size_t>(n)];
        }
        for (std::ptrdiff_t i = start; i < std::min(start + block, size); ++i) {
            double value = 0.0;
            for (std::ptrdiff_t j = std::max<std::ptrdiff_t>(i - reach, 0); j <= std::min(i + reach, size - 1); ++j) {
                value += counts[static_cast<std::size_t>(j)] * kernel[static_cast<std::size_t>(std::abs(i - j))];
            }
            values[static_cast<std::size_t>(i)] += static_cast<float>(value / (sum * cell_invA));
        }
    }
}

// The smooth part of a phase on curves for equal steps of |cos| between scattering vector and texture axis, from 0 to
// 1; a single curve if there is no texture.
void add_phase(const Experiment& experiment, const Panel& panel, const IcePhase& phase, const MarchDollase* texture,
               std::span<RadialCurve> levels) {
    const double shift = 1.0 - bandwidth_of(experiment.beam).shift;
    const double q_end = 2.0 * levels[0].step_invA() * static_cast<double>(levels[0].values().size() - 1);
    const double q_max = 1.02 * q_end;
    const auto density = [&](double stacking_cosine, std::size_t level) {
        if (texture == nullptr) return 1.0;
        return (*texture)(stacking_cosine, static_cast<double>(level) / static_cast<double>(levels.size() - 1));
    };
    for (const IceFamily* family : lines_of(phase, q_max)) {
        if (is_spotty(experiment, phase, *family)) continue;
        const double weight = ring_weight_e2(experiment, phase, form_of(phase), *family);
        const double q = family->s_invA * shift;
        const double rms = ring_rms_invA(experiment, panel, phase, q);
        for (std::size_t level = 0; level < levels.size(); ++level) {
            double mean = 0.0;
            for (const double cosine : family->stacking_cosines) mean += density(cosine, level);
            mean /= static_cast<double>(family->stacking_cosines.size());
            levels[level].add_peak(q, rms, weight * mean);
        }
    }
    if (!is_disordered(phase)) return;
    const double volume = ice_volume_A3(experiment, phase);
    const double cells_per_invA = 1.0 / (2.0 * levels[0].step_invA());
    const std::vector<StackedPoint> points = stacked_points(phase.cubicity, q_max);
    std::vector<double> counts(levels[0].values().size());
    for (std::size_t level = 0; level < levels.size(); ++level) {
        std::ranges::fill(counts, 0.0);
        for (const StackedPoint& point : points) {
            const double t = point.q_invA * shift * cells_per_invA;
            const auto i = static_cast<std::size_t>(t);
            if (i + 1 >= counts.size()) continue;
            const double share = t - static_cast<double>(i);
            const double weight = volume * point.weight * density(point.stacking_cosine, level) *
                                  std::exp(-0.5 * phase.b_factor_A2 * point.q_invA * point.q_invA);
            counts[i] += (1.0 - share) * weight;
            counts[i + 1] += share * weight;
        }
        add_blurred(
            counts, [&](double q) { return ring_rms_invA(experiment, panel, phase, std::max(q, 1e-3)); },
            levels[level]);
    }
}

}  // namespace

void check(const Ice& ice, Faults& faults) {
    faults.require(ice.damage_photons_per_px >= 0, "ice.damage_photons_per_px", ice.damage_photons_per_px,
                   "a number of photons cannot be negative", "Give photons per pixel and exposure, or 0 for none.");
    for (std::size_t i = 0; i < ice.phases.size(); ++i) {
        const IcePhase& phase = ice.phases[i];
        const std::string name = fmt::format("ice.phases[{}].", i);
        faults.require(phase.thickness_um >= 0, name + "thickness_um", phase.thickness_um,
                       "a thickness cannot be negative", "Give it in micrometres.");
        faults.require(phase.cubicity >= 0 && phase.cubicity <= 1, name + "cubicity", phase.cubicity,
                       "it is the share of cubic stacking", "Give 0 (hexagonal) to 1 (cubic).");
        faults.require(phase.crystallite_nm >= 2 && phase.crystallite_nm <= 1e6, name + "crystallite_nm",
                       phase.crystallite_nm, "crystallites are from 2 nm to 1 mm in size", "Give it in nanometres.");
        faults.require(phase.b_factor_A2 >= 0 && phase.b_factor_A2 <= 100, name + "b_factor_A2", phase.b_factor_A2,
                       "ice has a B factor from 0 to 100 A^2", "Give it in square angstrom, such as 1.");
        faults.require(phase.grains >= 0, name + "grains", phase.grains, "a number of grains cannot be negative",
                       "Give the grains in the beam, or 0 for smooth rings.");
        faults.require(phase.grain_mosaic_deg >= 0 && phase.grain_mosaic_deg <= 5, name + "grain_mosaic_deg",
                       phase.grain_mosaic_deg, "the small-angle mosaic spread holds from 0 to 5 degrees",
                       "Give the rms rotation about each axis.");
        faults.require(phase.march >= 0.1 && phase.march <= 10, name + "march", phase.march,
                       "March's coefficient is taken from 0.1 to 10", "Give 1 for no texture.");
        const double axis = phase.texture_axis.norm();
        faults.require(axis > 1e-6 && axis < 1e6, name + "texture_axis length", axis, "an axis has a direction",
                       "Give a vector in the lab frame, such as 0 1 0.");
    }
}

void add_smooth_ice(const Experiment& experiment, const Panel& panel, RadialCurve& curve_e2) {
    for (const IcePhase& phase : experiment.ice.phases) {
        if (is_textured(phase) || !(phase.thickness_um > 0.0)) continue;
        add_phase(experiment, panel, phase, nullptr, {&curve_e2, 1});
    }
}

void add_textured_ice(const Experiment& experiment, Image<float>& expected_photons) {
    if (experiment.beam.fluence_photons_per_m2 <= 0) return;
    constexpr std::size_t level_count = 33;
    const double stol_max = 0.5 * largest_q_invA(experiment);
    for (const IcePhase& phase : experiment.ice.phases) {
        if (!is_textured(phase) || !(phase.thickness_um > 0.0)) continue;
        const MarchDollase texture(phase.march);
        const Eigen::Vector3f axis = phase.texture_axis.normalized().cast<float>();
        std::vector<RadialCurve> levels;
        int traced_panel = -1;
        for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
            if (row.panel != traced_panel) {
                const Panel& panel = experiment.detector.panels[static_cast<std::size_t>(row.panel)];
                levels.assign(level_count, RadialCurve(stol_max, curve_cells(experiment)));
                add_phase(experiment, panel, phase, &texture, levels);
                traced_panel = row.panel;
            }
            const auto per_step = static_cast<float>(1.0 / levels[0].step_invA());
            const std::size_t last_cell = levels[0].values().size() - 2;
            for (std::size_t i = 0; i < pixels.size(); ++i) {
                const float t = row.stol_invA[i] * per_step;
                const std::size_t cell = std::min(static_cast<std::size_t>(t), last_cell);
                const float f = t - static_cast<float>(cell);
                const float along = axis.x() * row.qx_invA[i] + axis.y() * row.qy_invA[i] + axis.z() * row.qz_invA[i];
                const float cosine = std::abs(along) / std::max(2.0F * row.stol_invA[i], 1e-12F);
                const float u = std::min(cosine, 1.0F) * static_cast<float>(level_count - 1);
                const std::size_t level = std::min(static_cast<std::size_t>(u), level_count - 2);
                const float g = u - static_cast<float>(level);
                const std::span<const float> low = std::as_const(levels[level]).values();
                const std::span<const float> high = std::as_const(levels[level + 1]).values();
                const float at_low = low[cell] + f * (low[cell + 1] - low[cell]);
                const float at_high = high[cell] + f * (high[cell + 1] - high[cell]);
                pixels[i] += (at_low + g * (at_high - at_low)) * row.photons_per_e2[i];
            }
        });
    }
}

std::vector<IceRing> ice_rings(const Experiment& experiment) {
    std::vector<IceRing> rings;
    const Beam& beam = experiment.beam;
    const double q_max = std::min(largest_q_invA(experiment), 2.0 / beam.wavelength_A);
    const Panel& panel = experiment.detector.panels.front();
    const double distance = close_distance_mm(panel);
    const double photons_per_e2_sr =
        classical_electron_radius_m * classical_electron_radius_m * beam.fluence_photons_per_m2;
    for (std::size_t number = 0; number < experiment.ice.phases.size(); ++number) {
        const IcePhase& phase = experiment.ice.phases[number];
        if (!(phase.thickness_um > 0.0)) continue;
        for (const IceFamily& family : ice_families(form_of(phase))) {
            const double q = family.s_invA;
            if (q > q_max) break;
            const double sine = 0.5 * q * beam.wavelength_A;
            const double cosine_2theta = 1.0 - 2.0 * sine * sine;
            // Averaged over the azimuth, polarisation leaves (1 + cos^2 2theta) / 2.
            const Eigen::Vector3d direction(std::sqrt(1.0 - cosine_2theta * cosine_2theta), 0.0, cosine_2theta);
            const double per_e2_sr = photons_per_e2_sr * 0.5 * (1.0 + cosine_2theta * cosine_2theta);
            const double weight = ring_weight_e2(experiment, phase, form_of(phase), family);
            const double rms = ring_rms_invA(experiment, panel, phase, q);
            const double pixel_sr = std::pow(panel.pixel_size_mm / distance, 2) * std::pow(std::abs(cosine_2theta), 3);
            const double captured = capture_fraction(experiment.detector, panel, direction);
            IceRing ring;
            ring.phase = static_cast<int>(number);
            ring.hkl = family.hkl;
            ring.d_A = 1.0 / q;
            // Integral of the solid angle over |q| is 2 pi lambda^2 |q|.
            ring.photons = per_e2_sr * captured * weight * 2.0 * pi * beam.wavelength_A * beam.wavelength_A * q;
            ring.photons_per_px = per_e2_sr * captured * pixel_sr * weight / (rms * std::sqrt(2.0 * pi));
            ring.fwhm_px = 2.3548 * rms / (invA_per_mm(q, beam.wavelength_A, distance) * panel.pixel_size_mm);
            ring.stacking = is_disordered(phase) && family.needs_stacking;
            ring.spotty = !ring.stacking && is_spotty(experiment, phase, family);
            rings.push_back(ring);
        }
    }
    std::ranges::stable_sort(rings, std::ranges::greater{}, &IceRing::d_A);
    return rings;
}

}  // namespace braggbench
