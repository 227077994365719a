#include "simulator/materials_model.hpp"

#include <array>
#include <cmath>
#include <gemmi/it92.hpp>
#include <numbers>

namespace braggbench {
namespace {

double atom_f_e(gemmi::El element, double stol_invA) {
    return gemmi::IT92<double>::get(element).calculate_sf(stol_invA * stol_invA);
}

// The bound part of an atom's electrons: sum of a exp(-b stol^2); a sums to Z.
struct BoundTerm {
    double a;
    double b;
};
using Bound = std::array<BoundTerm, 5>;
constexpr Bound bound_h = {{{0.2623, 32.3717}, {0.5094, 14.7084}, {0.2034, 6.6884}, {0.0249, 2.4843}, {0, 0}}};
constexpr Bound bound_c = {
    {{0.7568, 82.2385}, {2.5511, 31.7282}, {0.7051, 11.9471}, {1.4605, 1.4637}, {0.5263, 0.5150}}};
constexpr Bound bound_n = {
    {{0.9070, 64.1555}, {2.8972, 20.8507}, {1.1659, 7.7576}, {1.5526, 1.0335}, {0.4769, 0.3516}}};
constexpr Bound bound_o = {
    {{0.8847, 52.0063}, {3.2189, 16.4487}, {1.7990, 6.5958}, {1.5538, 0.8143}, {0.5434, 0.2815}}};

double free_electrons(const Bound& bound, double stol_invA) {
    double sum = 0.0;
    for (const auto& [a, b] : bound) sum += a * -std::expm1(-b * stol_invA * stol_invA);
    return sum;
}

double atom_compton_e2(gemmi::El element, double stol_invA) {
    switch (element) {
        case gemmi::El::H:
            return free_electrons(bound_h, stol_invA);
        case gemmi::El::C:
            return free_electrons(bound_c, stol_invA);
        case gemmi::El::N:
            return free_electrons(bound_n, stol_invA);
        case gemmi::El::O:
            return free_electrons(bound_o, stol_invA);
        case gemmi::El::He: {
            const double f = atom_f_e(element, stol_invA);
            return 2.0 - f * f / 2.0;
        }
        default: {
            const double ratio = static_cast<double>(element) / 8.0;
            return ratio * free_electrons(bound_o, stol_invA / std::cbrt(ratio * ratio));
        }
    }
}

}  // namespace

double independent_atoms_e2(std::span<const AtomCount> atoms, double stol_invA) {
    double sum = 0.0;
    for (const auto& [element, count] : atoms) sum += count * std::pow(atom_f_e(element, stol_invA), 2);
    return sum;
}

double compton_e2(std::span<const AtomCount> atoms, double stol_invA) {
    double sum = 0.0;
    for (const auto& [element, count] : atoms) sum += count * atom_compton_e2(element, stol_invA);
    return sum;
}

double coherent_e2(const LiquidModel& model, double stol_invA) {
    const double q = 4.0 * std::numbers::pi * stol_invA;
    // Spread of distances in a liquid's units, 0.1 A rms.
    const double damping = std::exp(-0.5 * 0.1 * 0.1 * q * q);
    double unit = independent_atoms_e2(model.atoms, stol_invA);
    double unit_at_zero = independent_atoms_e2(model.atoms, 0.0);
    double electrons = 0.0;
    for (const auto& [element, count] : model.atoms) electrons += count * atom_f_e(element, 0.0);
    for (const AtomPair& pair : model.pairs) {
        const double x = q * pair.distance_A;
        const double interference = x > 1e-6 ? std::sin(x) / x * damping : 1.0;
        unit += 2.0 * pair.count * atom_f_e(pair.first, stol_invA) * atom_f_e(pair.second, stol_invA) * interference;
        unit_at_zero += 2.0 * pair.count * atom_f_e(pair.first, 0.0) * atom_f_e(pair.second, 0.0);
    }
    const double forward = model.forward * electrons * electrons / unit_at_zero;
    const double halo = (q - model.halo_q_invA) / model.halo_rms_invA;
    const double dip = std::pow(q / model.dip_invA, 4);
    return unit * (1.0 + model.halo_height * std::exp(-0.5 * halo * halo) - (1.0 - forward) * std::exp(-dip));
}

}  // namespace braggbench
