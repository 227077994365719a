#include "simulator/ice_rings.hpp"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/constants.hpp"

namespace braggbench {
namespace {

using std::numbers::pi;

double sin_theta(double q_invA, double wavelength_A) { return std::min(0.5 * q_invA * wavelength_A, 1.0); }

double cos_theta(double q_invA, double wavelength_A) {
    const double sine = sin_theta(q_invA, wavelength_A);
    return std::sqrt(1.0 - sine * sine);
}

// March's density of axes at |cos| c to the texture axis.
double march_density(double march, double c) {
    const double x = march * march * c * c + (1.0 - c * c) / march;
    return 1.0 / (x * std::sqrt(x));
}

}  // namespace

Bandwidth bandwidth_of(const Beam& beam) {
    double weight = 0.0;
    double first = 0.0;
    double second = 0.0;
    for (const SpectrumLine& line : beam.spectrum.lines) {
        const double variance =
            line.width_fraction * line.width_fraction / (line.profile == SpectrumLine::Profile::top_hat ? 12.0 : 1.0);
        weight += line.weight;
        first += line.weight * line.centre_fraction;
        second += line.weight * (variance + line.centre_fraction * line.centre_fraction);
    }
    if (!(weight > 0.0)) return {};
    const double shift = first / weight;
    return {std::sqrt(std::max(second / weight - shift * shift, 0.0)), shift};
}

double size_rms_invA(const IcePhase& phase) {
    constexpr double fwhm_per_rms = 2.3548200450309493;
    return 0.9 / (phase.crystallite_nm * 10.0 * fwhm_per_rms);
}

double invA_per_mm(double q_invA, double wavelength_A, double distance_mm) {
    const double sine = sin_theta(q_invA, wavelength_A);
    const double cos_2theta = 1.0 - 2.0 * sine * sine;
    // Beyond 77 degrees a square panel is left for good; a floor keeps the width finite on tilted ones.
    return cos_theta(q_invA, wavelength_A) * std::max(cos_2theta * cos_2theta, 0.05) / (wavelength_A * distance_mm);
}

double close_distance_mm(const Panel& panel) {
    return std::abs(panel.fast_axis.cross(panel.slow_axis).dot(panel.origin_mm));
}

double ring_rms_invA(const Experiment& experiment, const Panel& panel, const IcePhase& phase, double q_invA) {
    const Beam& beam = experiment.beam;
    const double per_mm = invA_per_mm(q_invA, beam.wavelength_A, close_distance_mm(panel));
    const double size = size_rms_invA(phase);
    const double band = bandwidth_of(beam).rms * q_invA;
    const double divergence =
        beam.divergence_rms_mrad * 1e-3 * cos_theta(q_invA, beam.wavelength_A) / beam.wavelength_A;
    // A uniform disc has an rms of a quarter of its diameter along any line, a square pixel of edge / sqrt 12.
    const double spot = per_mm * beam.diameter_um * 1e-3 / 4.0;
    const double pixel = per_mm * panel.pixel_size_mm / std::sqrt(12.0);
    return std::sqrt(size * size + band * band + divergence * divergence + spot * spot + pixel * pixel);
}

double ice_volume_A3(const Experiment& experiment, const IcePhase& phase) {
    const double diameter_A = experiment.beam.diameter_um * 1e4;
    return pi / 4.0 * diameter_A * diameter_A * phase.thickness_um * 1e4;
}

double ring_weight_e2(const Experiment& experiment, const IcePhase& phase, IceForm form, const IceFamily& family) {
    const double cell_A3 = volume_A3(ice_cell(form));
    const double q2 = family.s_invA * family.s_invA;
    return ice_volume_A3(experiment, phase) * family.multiplicity * family.f2_e2 *
           std::exp(-0.5 * phase.b_factor_A2 * q2) / (cell_A3 * cell_A3 * 4.0 * pi * q2);
}

IceForm form_of(const IcePhase& phase) { return phase.cubicity == 1.0 ? IceForm::cubic : IceForm::hexagonal; }

bool is_disordered(const IcePhase& phase) { return phase.cubicity > 0.0 && phase.cubicity < 1.0; }

std::vector<const IceFamily*> lines_of(const IcePhase& phase, double q_max_invA) {
    std::vector<const IceFamily*> lines;
    for (const IceFamily& family : ice_families(form_of(phase))) {
        if (family.s_invA > q_max_invA) break;
        if (!(is_disordered(phase) && family.needs_stacking)) lines.push_back(&family);
    }
    return lines;
}

double acceptance_rms_rad(const Experiment& experiment, const IcePhase& phase, double q_invA) {
    const double wavelength = experiment.beam.wavelength_A;
    const double cosine = std::max(cos_theta(q_invA, wavelength), 1e-3);
    const double mosaic = phase.grain_mosaic_deg * rad_per_deg;
    const double size = size_rms_invA(phase) / (q_invA * cosine);
    const double band = bandwidth_of(experiment.beam).rms * sin_theta(q_invA, wavelength) / cosine;
    const double divergence = experiment.beam.divergence_rms_mrad * 1e-3;
    return std::sqrt(mosaic * mosaic + size * size + band * band + divergence * divergence);
}

double spots_on_ring(const Experiment& experiment, const IcePhase& phase, const IceFamily& family) {
    return phase.grains * family.multiplicity * cos_theta(family.s_invA, experiment.beam.wavelength_A) *
           grain_cut_sigma * acceptance_rms_rad(experiment, phase, family.s_invA);
}

bool is_spotty(const Experiment& experiment, const IcePhase& phase, const IceFamily& family) {
    return phase.grains > 0.0 && spots_on_ring(experiment, phase, family) <= most_spots_on_ring;
}

MarchDollase::MarchDollase(double march) : density_(static_cast<std::size_t>((grid + 1) * (grid + 1))) {
    if (march == 1.0) {
        std::ranges::fill(density_, 1.0);
        return;
    }
    // Equal steps of an even periodic function converge fast.
    constexpr int turns = 32;
    for (int b = 0; b <= grid; ++b) {
        for (int a = 0; a <= grid; ++a) {
            const double cos_beta = static_cast<double>(b) / grid;
            const double cos_alpha = static_cast<double>(a) / grid;
            const double sines = std::sqrt((1.0 - cos_beta * cos_beta) * (1.0 - cos_alpha * cos_alpha));
            double sum = 0.0;
            for (int i = 0; i < turns; ++i) {
                sum += march_density(march, cos_alpha * cos_beta + sines * std::cos(pi * (i + 0.5) / turns));
            }
            density_[static_cast<std::size_t>(b * (grid + 1) + a)] = sum / turns;
        }
    }
}

double MarchDollase::operator()(double cos_beta, double cos_alpha) const {
    const double b = std::clamp(cos_beta, 0.0, 1.0) * grid;
    const double a = std::clamp(cos_alpha, 0.0, 1.0) * grid;
    const int row = std::min(static_cast<int>(b), grid - 1);
    const int column = std::min(static_cast<int>(a), grid - 1);
    const double fb = b - row;
    const double fa = a - column;
    const auto at = [&](int i, int j) { return density_[static_cast<std::size_t>(i * (grid + 1) + j)]; };
    return (1 - fb) * ((1 - fa) * at(row, column) + fa * at(row, column + 1)) +
           fb * ((1 - fa) * at(row + 1, column) + fa * at(row + 1, column + 1));
}

}  // namespace braggbench
