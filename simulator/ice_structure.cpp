#include "simulator/ice_structure.hpp"

#include <Eigen/Core>
#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <gemmi/it92.hpp>
#include <gemmi/symmetry.hpp>
#include <map>
#include <numbers>
#include <tuple>

namespace braggbench {
namespace {

using std::numbers::pi;
using Complex = std::complex<double>;

constexpr double a_A = 4.498;
constexpr double c_A = 7.338;
constexpr double oxygen_z = 0.0622;  // of O (1/3, 2/3, z)
constexpr double bond_A = 1.0;       // O-H
constexpr double s_max_invA = 1.0 / 0.7;

struct Atom {
    gemmi::El element;
    double occupancy;
    Eigen::Vector3d fractional;
};

// Without the checks for infinities that make std::complex's product a function call.
Complex times(const Complex& x, const Complex& y) {
    return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

double atom_f_e(gemmi::El element, double s_invA) {
    return gemmi::IT92<double>::get(element).calculate_sf(0.25 * s_invA * s_invA);
}

std::vector<Atom> expanded(const char* space_group, const std::vector<Atom>& unique) {
    const gemmi::GroupOps group = gemmi::find_spacegroup_by_name(space_group)->operations();
    std::vector<Atom> atoms;
    for (const Atom& atom : unique) {
        for (const gemmi::Op& op : group) {
            const auto at = op.apply_to_xyz({atom.fractional.x(), atom.fractional.y(), atom.fractional.z()});
            Eigen::Vector3d place(at[0], at[1], at[2]);
            place -= place.array().floor().matrix();
            const bool known = std::ranges::any_of(atoms, [&](const Atom& other) {
                Eigen::Vector3d apart = other.fractional - place;
                apart -= apart.array().round().matrix();
                return other.element == atom.element && apart.norm() < 1e-4;
            });
            if (!known) atoms.push_back({atom.element, atom.occupancy, place});
        }
    }
    return atoms;
}

const std::vector<Atom>& ice_atoms(IceForm form) {
    static const std::vector<Atom> hexagonal =
        expanded("P 63/m m c", {{gemmi::El::O, 1.0, {1.0 / 3, 2.0 / 3, oxygen_z}},
                                {gemmi::El::H, 0.5, {1.0 / 3, 2.0 / 3, 0.1989}},
                                {gemmi::El::H, 0.5, {0.4551, 0.9102, 0.0171}}});
    constexpr double along = bond_A / (std::numbers::sqrt3 * std::numbers::sqrt2 * a_A);
    static const std::vector<Atom> cubic =
        expanded("F d -3 m:1", {{gemmi::El::O, 1.0, {0.0, 0.0, 0.0}}, {gemmi::El::H, 0.5, {along, along, along}}});
    return form == IceForm::hexagonal ? hexagonal : cubic;
}

std::vector<IceFamily> families_of(IceForm form) {
    const UnitCell cell = ice_cell(form);
    const Eigen::Matrix3d to_s = reciprocal_basis(cell);
    const Eigen::Vector3d axis =
        to_s * (form == IceForm::hexagonal ? Eigen::Vector3d(0, 0, 1) : Eigen::Vector3d(1, 1, 1));
    const int h_max = static_cast<int>(cell.a_A * s_max_invA) + 1;
    const int l_max = static_cast<int>(cell.c_A * s_max_invA) + 1;
    // Laue classes 6/mmm and m-3m: equal invariants (length, |l|) and sorted indices mean equivalent reflections.
    std::map<std::array<int, 3>, IceFamily> families;
    for (int h = -h_max; h <= h_max; ++h) {
        for (int k = -h_max; k <= h_max; ++k) {
            for (int l = -l_max; l <= l_max; ++l) {
                const Eigen::Vector3d s = to_s * Eigen::Vector3d(h, k, l);
                if (s.norm() > s_max_invA || (h == 0 && k == 0 && l == 0)) continue;
                std::array<int, 3> key{};
                if (form == IceForm::hexagonal) {
                    // In 6/mmm (h, k) goes with its sorted pair of |h|, |k|, |h + k| without the largest.
                    std::array<int, 3> plane = {std::abs(h), std::abs(k), std::abs(h + k)};
                    std::ranges::sort(plane);
                    key = {plane[1], plane[0], std::abs(l)};
                } else {
                    key = {std::abs(h), std::abs(k), std::abs(l)};
                    std::ranges::sort(key, std::greater<>{});
                }
                IceFamily& family = families[key];
                family.hkl = {key[0], key[1], key[2]};
                family.s_invA = s.norm();
                ++family.multiplicity;
                family.stacking_cosines.push_back(std::abs(s.dot(axis)) / (s.norm() * axis.norm()));
            }
        }
    }
    std::vector<IceFamily> found;
    for (auto& [key, family] : families) {
        family.f2_e2 = std::pow(ice_structure_factor_e(form, family.hkl), 2);
        family.needs_stacking = form == IceForm::hexagonal && (family.hkl.h - family.hkl.k) % 3 != 0;
        if (family.f2_e2 > 1e-6) found.push_back(std::move(family));
    }
    std::ranges::sort(found, {}, &IceFamily::s_invA);
    return found;
}

// Rods (h, k) along the stacking axis, h - k not a multiple of 3.
struct Rod {
    int h;
    int k;
    int multiplicity;
};
constexpr std::array<Rod, 7> rods = {{{1, 0, 6}, {2, 0, 6}, {2, 1, 12}, {3, 1, 12}, {4, 0, 6}, {3, 2, 12}, {5, 0, 6}}};

constexpr double layer_A = c_A / 2;
constexpr double layer_cell_A2 = a_A * a_A * std::numbers::sqrt3 / 2;

// One puckered layer at the origin that leads to the next by the lateral step `direction` * (1/3, 2/3): x, y in units
// of the cell, z in angstrom.
std::vector<Atom> layer_atoms(int direction) {
    const double pucker_A = 2 * oxygen_z * c_A;
    const double bond_share = bond_A / std::hypot(a_A / std::numbers::sqrt3, pucker_A);
    const double sign = direction;
    const Eigen::Vector3d low(0, 0, 0);
    const Eigen::Vector3d high(sign / 3, sign * 2 / 3, pucker_A);
    const Eigen::Vector3d up(0, 0, bond_A);
    std::vector<Atom> atoms = {{gemmi::El::O, 1.0, low},
                               {gemmi::El::O, 1.0, high},
                               {gemmi::El::H, 0.5, low - up},
                               {gemmi::El::H, 0.5, high + up}};
    for (const auto& [x, y] : {std::pair(1.0, 2.0), std::pair(1.0, -1.0), std::pair(-2.0, -1.0)}) {
        const Eigen::Vector3d bond(sign * x / 3, sign * y / 3, pucker_A);
        atoms.push_back({gemmi::El::H, 0.5, bond_share * bond});
        atoms.push_back({gemmi::El::H, 0.5, (1 - bond_share) * bond});
    }
    return atoms;
}

Complex layer_factor(const std::vector<Atom>& atoms, const Rod& rod, double q_z, double q) {
    Complex sum = 0;
    for (const Atom& atom : atoms) {
        const double phase =
            2 * pi * (rod.h * atom.fractional.x() + rod.k * atom.fractional.y() + q_z * atom.fractional.z());
        sum += atom.occupancy * atom_f_e(atom.element, q) * std::polar(1.0, phase);
    }
    return sum;
}

double rod_invA(const Rod& rod) {
    return 2 / (std::numbers::sqrt3 * a_A) * std::sqrt(rod.h * rod.h + rod.h * rod.k + rod.k * rod.k);
}

// Factors of both layers along every rod, coarse enough to keep and fine enough to interpolate: the phase of the atoms
// turns by 0.03 rad a step.
struct LayerTable {
    static constexpr double step_invA = 0.002;
    static constexpr int half = static_cast<int>(s_max_invA / step_invA) + 2;
    using Row = std::vector<std::array<Complex, 2>>;

    LayerTable() {
        for (std::size_t r = 0; r < rods.size(); ++r) {
            const std::array<std::vector<Atom>, 2> atoms = {layer_atoms(1), layer_atoms(-1)};
            const double across = rod_invA(rods[r]);
            rows[r].reserve(2 * half + 1);
            for (int i = -half; i <= half; ++i) {
                const double q_z = i * step_invA;
                const double q = std::hypot(across, q_z);
                rows[r].push_back({layer_factor(atoms[0], rods[r], q_z, q), layer_factor(atoms[1], rods[r], q_z, q)});
            }
        }
    }
    [[nodiscard]] std::array<Complex, 2> operator()(std::size_t rod, double q_z) const {
        const double t = q_z / step_invA + half;
        const auto i = static_cast<std::size_t>(t);
        const double f = t - static_cast<double>(i);
        const auto& low = rows[rod][i];
        const auto& high = rows[rod][i + 1];
        return {low[0] + f * (high[0] - low[0]), low[1] + f * (high[1] - low[1])};
    }
    std::array<Row, rods.size()> rows;
};

}  // namespace

UnitCell ice_cell(IceForm form) {
    if (form == IceForm::hexagonal) return {a_A, a_A, c_A, 90, 90, 120};
    const double edge = std::numbers::sqrt2 * a_A;
    return {edge, edge, edge, 90, 90, 90};
}

double ice_structure_factor_e(IceForm form, MillerIndex hkl) {
    const Eigen::Vector3d index(hkl.h, hkl.k, hkl.l);
    const double s = (reciprocal_basis(ice_cell(form)) * index).norm();
    Complex sum = 0;
    for (const Atom& atom : ice_atoms(form)) {
        sum += atom.occupancy * atom_f_e(atom.element, s) * std::polar(1.0, 2 * pi * index.dot(atom.fractional));
    }
    return std::abs(sum);
}

const std::vector<IceFamily>& ice_families(IceForm form) {
    static const std::vector<IceFamily> hexagonal = families_of(IceForm::hexagonal);
    static const std::vector<IceFamily> cubic = families_of(IceForm::cubic);
    return form == IceForm::hexagonal ? hexagonal : cubic;
}

std::vector<StackedPoint> stacked_points(double cubicity, double q_max_invA) {
    static const LayerTable table;
    constexpr double step_invA = 2e-4;
    // Makes each line a Lorentzian of full width 2 steps, which the sum over steps still integrates to 0.4 %.
    const double damping = std::exp(-pi * layer_A * 2 * step_invA);
    const double q_max = std::min(q_max_invA, s_max_invA);
    const Complex turn = std::polar(1.0, 2 * pi * layer_A * step_invA);
    std::vector<StackedPoint> points;
    for (std::size_t r = 0; r < rods.size(); ++r) {
        const double across = rod_invA(rods[r]);
        if (across >= q_max) continue;
        const Complex step_phase = std::polar(1.0, 2 * pi * (rods[r].h - rods[r].k) / 3.0);
        const auto half = static_cast<int>(std::sqrt(q_max * q_max - across * across) / step_invA);
        Complex zeta = damping * std::polar(1.0, -2 * pi * layer_A * half * step_invA);
        for (int i = -half; i <= half; ++i, zeta = times(zeta, turn)) {
            const double q_z = i * step_invA;
            const auto [plus, minus] = table(r, q_z);
            // M = zeta [[e p, e (1 - p)], [e* (1 - p), e* p]] between layers that step +, -; series M / (1 - M).
            const Complex to_plus = times(zeta, step_phase);
            const Complex to_minus = times(zeta, std::conj(step_phase));
            const Complex a = cubicity * to_plus;
            const Complex b = (1 - cubicity) * to_plus;
            const Complex c = (1 - cubicity) * to_minus;
            const Complex d = cubicity * to_minus;
            const Complex determinant = times(1.0 - a, 1.0 - d) - times(b, c);
            const Complex inverse = std::conj(determinant) / std::norm(determinant);
            // x = (1 - M)^-1 F; M x = x - F.
            const Complex x_plus = times(times(1.0 - d, plus) + times(b, minus), inverse);
            const Complex x_minus = times(times(c, plus) + times(1.0 - a, minus), inverse);
            const double self = 0.5 * (std::norm(plus) + std::norm(minus));
            const double mutual =
                times(std::conj(plus), x_plus - plus).real() + times(std::conj(minus), x_minus - minus).real();
            const double q2 = across * across + q_z * q_z;
            const double q = std::sqrt(q2);
            const double weight = rods[r].multiplicity * std::max(self + mutual, 0.0) * step_invA /
                                  (layer_cell_A2 * layer_cell_A2 * layer_A * 4 * pi * q2);
            points.push_back({q, std::abs(q_z) / q, weight});
        }
    }
    return points;
}

}  // namespace braggbench
