#include "simulator/small_angle_curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gemmi/symmetry.hpp>
#include <map>
#include <numbers>

namespace braggbench {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
constexpr double gaussian_reach = 5.5;
constexpr double lorentzian_reach = 15.0;
constexpr double hwhm_per_rms = 1.1774100225154747;  // sqrt(2 ln 2)

// Cubic lines up to h^2 + k^2 + l^2 = 196, with the absences of the space group.
std::vector<LatticeLine> cubic_lines(const char* space_group) {
    constexpr int h_max = 14;
    const gemmi::GroupOps group = gemmi::find_spacegroup_by_name(space_group)->operations();
    std::map<int, int> multiplicity;
    for (int h = -h_max; h <= h_max; ++h) {
        for (int k = -h_max; k <= h_max; ++k) {
            for (int l = -h_max; l <= h_max; ++l) {
                const int n = h * h + k * k + l * l;
                if (n > 0 && n <= h_max * h_max && !group.is_systematically_absent({h, k, l})) ++multiplicity[n];
            }
        }
    }
    std::vector<LatticeLine> lines;
    for (const auto& [n, count] : multiplicity) lines.push_back({std::sqrt(static_cast<double>(n)), count});
    return lines;
}

std::vector<LatticeLine> hexagonal_lines() {
    constexpr int h_max = 12;
    std::map<int, int> multiplicity;
    for (int h = -h_max; h <= h_max; ++h) {
        for (int k = -h_max; k <= h_max; ++k) {
            const int n = h * h + h * k + k * k;
            // Rows h = 12 are complete to (sqrt(3) / 2 * 12)^2 = 108.
            if (n > 0 && n <= 108) ++multiplicity[n];
        }
    }
    std::vector<LatticeLine> lines;
    for (const auto& [n, count] : multiplicity) lines.push_back({std::sqrt(4.0 / 3.0 * n), count});
    return lines;
}

std::vector<LatticeLine> lamellar_lines() {
    std::vector<LatticeLine> lines;
    for (int n = 1; n <= 64; ++n) lines.push_back({static_cast<double>(n), 2});
    return lines;
}

std::vector<LatticeLine> make_lines(Superlattice::Symmetry symmetry) {
    using enum Superlattice::Symmetry;
    switch (symmetry) {
        case lamellar:
            return lamellar_lines();
        case hexagonal:
            return hexagonal_lines();
        case simple_cubic:
            return cubic_lines("P m -3 m");
        case bcc:
            return cubic_lines("I m -3 m");
        case fcc:
            return cubic_lines("F m -3 m");
        case diamond:
            return cubic_lines("F d -3 m");
        case gyroid:
            return cubic_lines("I a -3 d");
        case double_diamond:
            return cubic_lines("P n -3 m");
    }
    return {};
}

}  // namespace

double sphere_intensity(double q_invA, double radius_A, double size_rms_fraction) {
    const double p2 = size_rms_fraction * size_rms_fraction;
    const double m = two_pi * q_invA * radius_A;
    const double sixth = 1.0 + 15.0 * p2 + 45.0 * p2 * p2 + 15.0 * p2 * p2 * p2;
    if (m < 0.05) {
        // Guinier with the z-average radius: the eighth over the sixth moment.
        const double eighth = 1.0 + p2 * (28.0 + p2 * (210.0 + p2 * (420.0 + p2 * 105.0)));
        return std::exp(-m * m / 5.0 * eighth / sixth);
    }
    // Mean of (sin x - x cos x)^2 over x of mean m and variance v, by the transform of a Gaussian.
    const double v = m * m * p2;
    const double damping = std::exp(-2.0 * v);
    const double sine = std::sin(2.0 * m);
    const double cosine = std::cos(2.0 * m);
    const double mean_cos = damping * cosine;
    const double mean_x_sin = damping * (m * sine + 2.0 * v * cosine);
    const double mean_x2_cos = damping * ((m * m + v - 4.0 * v * v) * cosine - 4.0 * m * v * sine);
    const double mean = 0.5 * (1.0 - mean_cos) - mean_x_sin + 0.5 * (m * m + v + mean_x2_cos);
    return std::max(0.0, 9.0 * mean / (m * m * m * m * m * m * sixth));
}

double coil_intensity(double q_invA, double gyration_radius_A) {
    const double x = std::pow(two_pi * q_invA * gyration_radius_A, 2);
    if (x < 1e-3) return 1.0 - x / 3.0;
    return 2.0 * (std::expm1(-x) + x) / (x * x);
}

double hard_sphere_structure_factor(double q_invA, double radius_A, double packing_fraction) {
    const double eta = packing_fraction;
    const double dense = std::pow(1.0 - eta, 4);
    const double alpha = std::pow(1.0 + 2.0 * eta, 2) / dense;
    const double beta = -6.0 * eta * std::pow(1.0 + 0.5 * eta, 2) / dense;
    const double gamma = 0.5 * eta * alpha;
    const double x = 2.0 * two_pi * q_invA * radius_A;
    if (x < 0.02) return 1.0 / alpha;
    const double x2 = x * x;
    const double sine = std::sin(x);
    const double cosine = std::cos(x);
    const double g = alpha * (sine - x * cosine) / x2 + beta * (2.0 * x * sine + (2.0 - x2) * cosine - 2.0) / (x2 * x) +
                     gamma * (-x2 * x2 * cosine + 4.0 * ((3.0 * x2 - 6.0) * cosine + (x2 * x - 6.0 * x) * sine + 6.0)) /
                         (x2 * x2 * x);
    return 1.0 / (1.0 + 24.0 * eta * g / x);
}

std::span<const LatticeLine> lattice_lines(Superlattice::Symmetry symmetry) {
    static const auto all = [] {
        std::array<std::vector<LatticeLine>, 8> lines;
        for (std::size_t i = 0; i < lines.size(); ++i)
            lines[i] = make_lines(static_cast<Superlattice::Symmetry>(static_cast<int>(i)));
        return lines;
    }();
    return all.at(static_cast<std::size_t>(symmetry));
}

double RingProfile::reach_invA() const {
    return width_rms_invA * (lorentzian_share > 0.0 ? lorentzian_reach * hwhm_per_rms : gaussian_reach);
}

double RingProfile::operator()(double q) const {
    if (std::abs(q - q_invA) >= reach_invA() * (1.0 - 1e-9)) return 0.0;
    const double u = (q - q_invA) / width_rms_invA;
    const double v = u / hwhm_per_rms;
    // The Lorentzian is lowered to end at 0.
    constexpr double floor = 1.0 / (1.0 + lorentzian_reach * lorentzian_reach);
    const double lorentzian = std::max(0.0, (1.0 / (1.0 + v * v) - floor) / (1.0 - floor));
    return peak_photons_per_sr * ((1.0 - lorentzian_share) * std::exp(-0.5 * u * u) + lorentzian_share * lorentzian);
}

RingProfile ring_profile(double q_invA, double width_rms_invA, double lorentzian_share, double photons,
                         double wavelength_A) {
    RingProfile profile{q_invA, width_rms_invA, lorentzian_share, 1.0};
    const double low = std::max(0.0, q_invA - profile.reach_invA());
    const double high = q_invA + profile.reach_invA();
    constexpr int steps = 400;
    const double step = (high - low) / steps;
    double moment = 0.0;
    for (int i = 0; i < steps; ++i) {
        const double q = low + (i + 0.5) * step;
        moment += q * profile(q) * step;
    }
    profile.peak_photons_per_sr = photons / (two_pi * wavelength_A * wavelength_A * moment);
    return profile;
}

std::vector<RingTruth> list_rings(const SmallAngle& small_angle) {
    std::vector<RingTruth> rings;
    for (std::size_t i = 0; i < small_angle.components.size(); ++i) {
        const int number = static_cast<int>(i);
        if (const Ring* ring = std::get_if<Ring>(&small_angle.components[i])) {
            double photons = ring->photons;
            for (int order = 1; order <= ring->orders; ++order, photons *= ring->order_decay)
                rings.push_back({number, order, order * ring->q_invA, ring->width_rms_invA, photons});
        } else if (const Superlattice* lattice = std::get_if<Superlattice>(&small_angle.components[i])) {
            const auto lines = lattice_lines(lattice->symmetry);
            // A powder's whole ring has photons as multiplicity * |F|^2 / q: its points spread over a sphere of q^2,
            // of which the Ewald sphere meets a circle of q.
            const auto strength = [&](const LatticeLine& line) {
                const double q = line.q_edge / lattice->edge_A;
                const double unit =
                    lattice->unit_radius_A > 0.0 ? sphere_intensity(q, lattice->unit_radius_A, 0.0) : 1.0;
                return line.multiplicity * unit * std::exp(-std::pow(two_pi * q * lattice->displacement_rms_A, 2)) / q;
            };
            const auto count = std::min(lines.size(), static_cast<std::size_t>(std::max(0, lattice->most_rings)));
            double brightest = 0.0;
            for (const LatticeLine& line : lines.first(count)) brightest = std::max(brightest, strength(line));
            for (std::size_t line = 0; line < count; ++line) {
                const double q = lines[line].q_edge / lattice->edge_A;
                const double width =
                    std::hypot(0.94 / (2.0 * hwhm_per_rms * lattice->grain_size_A), lattice->strain_rms_fraction * q);
                rings.push_back({number, static_cast<int>(line) + 1, q, width,
                                 brightest > 0.0 ? lattice->photons * strength(lines[line]) / brightest : 0.0});
            }
        }
    }
    return rings;
}

}  // namespace braggbench
