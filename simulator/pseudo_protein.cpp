#include "simulator/pseudo_protein.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <gemmi/model.hpp>
#include <gemmi/symmetry.hpp>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/model_structure_factors.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/random.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {

namespace {

struct Model {
    const char* name;
    UnitCell cell;
    const char* space_group;
    PseudoProteinTarget target;
    std::uint64_t seed;
};

// Solvent fractions are 1 - 1.23 / V_M (Matthews 1968, J. Mol. Biol. 33, 491) of the named crystals.
constexpr std::array models{
    // PDB 1JB0 (Jordan et al. 2001, Nature 411, 909): its 24198 atoms fill 22 % of the asymmetric unit.
    Model{"photosystem-1", {281.0, 281.0, 165.2, 90.0, 90.0, 120.0}, "P 63", {0.78, 45.0}, 1},
    // The cell of Nawaz et al. 2023, LN84; a dimer of 700 kDa (Umena et al. 2011, Nature 473, 55) in it.
    Model{"photosystem-2", {118.0, 223.0, 311.0, 90.0, 90.0, 90.0}, "P 21 21 21", {0.58, 40.0}, 2},
    // The cell of Nawaz et al. 2023, LN83; a [NiFe] hydrogenase of 91 kDa (Higuchi et al. 1997, Structure 5, 1671).
    Model{"hydrogenase", {73.0, 96.0, 119.0, 90.0, 90.0, 90.0}, "P 21 21 21", {0.46, 25.0}, 3},
    // PDB 4N8Z, hen egg-white.
    Model{"lysozyme", {79.15, 79.15, 36.28, 90.0, 90.0, 90.0}, "P 43 21 2", {0.38, 20.0}, 4},
    // The cell of DIALS' i04_weak_data; 207 residues of 22.2 kDa (de Vos et al. 1985, PNAS 82, 1406), one in 1/8 of it.
    Model{"thaumatin", {57.8, 57.8, 150.0, 90.0, 90.0, 90.0}, "P 41 21 2", {0.56, 20.0}, 5},
};

// The mean amino acid, C4.9384 H7.7583 N1.3577 O1.4773 S0.0417 of 111.05 Da (Senko et al. 1995, J. Am. Soc. Mass
// Spectrom. 6, 229), at 1.35 g/cm^3 (Fischer et al. 2004, Protein Sci. 13, 2825).
constexpr double carbon = 4.9384;
constexpr double nitrogen = 1.3577;
constexpr double oxygen = 1.4773;
constexpr double sulfur = 0.0417;
constexpr double hydrogen = 7.7583;
constexpr double heavy = carbon + nitrogen + oxygen + sulfur;
constexpr double heavy_atoms_per_A3 = heavy * 1.35 * avogadro_per_mol * 1e-24 / 111.05;

// Between the lengths of C=O (1.23 A) and C-C (1.53 A) bonds: neighbours are as close as bonded ones, never closer.
constexpr double shortest_distance_A = 1.4;
constexpr double hydrogen_bond_length_A = 1.09;
// B factors are log-normal (roughly what refined structures show); sigma of ln B.
constexpr double log_b_sigma = 0.25;

const Model& find(const std::string& name) {
    const auto* found = std::find_if(models.begin(), models.end(), [&](const Model& m) { return name == m.name; });
    if (found == models.end()) unknown_builtin(name);
    return *found;
}

gemmi::UnitCell to_gemmi(const UnitCell& cell) {
    return {cell.a_A, cell.b_A, cell.c_A, cell.alpha_deg, cell.beta_deg, cell.gamma_deg};
}

// A smooth random function with the symmetry of the crystal: plane waves no shorter than a molecule. Protein is where
// it is high.
class Envelope {
public:
    Envelope(const UnitCell& cell, const gemmi::GroupOps& group, double molecule_A, RandomStream& random) {
        const Eigen::Matrix3d to_s = reciprocal_basis(cell);
        const auto limit = [&](double axis_A) { return static_cast<int>(axis_A / molecule_A); };
        max_ = {limit(cell.a_A), limit(cell.b_A), limit(cell.c_A)};
        for (int h = 0; h <= max_.h; ++h) {
            for (int k = -max_.k; k <= max_.k; ++k) {
                for (int l = -max_.l; l <= max_.l; ++l) {
                    const double wave_A = 1.0 / (to_s * Eigen::Vector3d(h, k, l)).norm();
                    if (!(wave_A >= molecule_A && wave_A <= 2.5 * molecule_A)) continue;
                    const double amplitude = random.normal();
                    const double phase = random.uniform(0.0, 2.0 * std::numbers::pi);
                    for (const gemmi::Op& op : group.sym_ops) {
                        const gemmi::Miller e = op.apply_to_hkl({h, k, l});
                        // h . (R x + t) = (h R) . x + h . t; gemmi's phase_shift is -2 pi h . t.
                        waves_.push_back({{e[0], e[1], e[2]}, amplitude, phase - op.phase_shift({h, k, l})});
                    }
                }
            }
        }
    }

    double operator()(const gemmi::Fractional& x) {
        fill(powers_[0], x.x, max_.h);
        fill(powers_[1], x.y, max_.k);
        fill(powers_[2], x.z, max_.l);
        double sum = 0.0;
        for (const Wave& wave : waves_) {
            const Phasor p = at(0, wave.hkl.h) * at(1, wave.hkl.k) * at(2, wave.hkl.l);
            sum += p.re * wave.re - p.im * wave.im;
        }
        return sum;
    }

private:
    // std::complex multiplies with care for infinities, three times slower.
    struct Phasor {
        double re;
        double im;
        Phasor operator*(const Phasor& b) const { return {re * b.re - im * b.im, re * b.im + im * b.re}; }
    };
    struct Wave {
        Wave(MillerIndex index, double amplitude, double phase)
            : hkl(index), re(amplitude * std::cos(phase)), im(amplitude * std::sin(phase)) {}
        MillerIndex hkl;
        double re;
        double im;
    };

    static void fill(std::vector<Phasor>& powers, double x, int max) {
        const double angle = 2.0 * std::numbers::pi * x;
        const Phasor step{std::cos(angle), std::sin(angle)};
        powers.assign(1, {1.0, 0.0});
        for (int i = 1; i <= max; ++i) powers.push_back(powers.back() * step);
    }
    [[nodiscard]] Phasor at(std::size_t axis, int index) const {
        const Phasor p = powers_[axis][static_cast<std::size_t>(std::abs(index))];
        return {p.re, index < 0 ? -p.im : p.im};
    }

    MillerIndex max_;
    std::vector<Wave> waves_;
    std::array<std::vector<Phasor>, 3> powers_;
};

// The atoms of the whole cell in bins no smaller than the shortest distance, so that neighbours are in adjacent bins.
class Neighbours {
public:
    explicit Neighbours(const UnitCell& cell) : basis_(direct_basis(cell)) {
        const Eigen::Matrix3d reciprocal = reciprocal_basis(cell);
        std::size_t count = 1;
        for (int i = 0; i < 3; ++i) {
            bins_[i] = std::max(3, static_cast<int>(1.0 / (reciprocal.col(i).norm() * shortest_distance_A)));
            count *= static_cast<std::size_t>(bins_[i]);
        }
        first_.assign(count, none);
    }

    [[nodiscard]] bool is_free(const Eigen::Vector3d& x) const {
        const Eigen::Vector3i centre = bin(x);
        for (int i = -1; i <= 1; ++i) {
            for (int j = -1; j <= 1; ++j) {
                for (int k = -1; k <= 1; ++k) {
                    for (int n = first_[index(centre + Eigen::Vector3i(i, j, k))]; n != none; n = next_[at(n)]) {
                        if (too_close(x, positions_[at(n)])) return false;
                    }
                }
            }
        }
        return true;
    }

    [[nodiscard]] bool too_close(const Eigen::Vector3d& a, const Eigen::Vector3d& b) const {
        Eigen::Vector3d difference = a - b;
        for (double& component : difference) component -= std::round(component);
        return (basis_ * difference).squaredNorm() < shortest_distance_A * shortest_distance_A;
    }

    void add(const Eigen::Vector3d& x) {
        int& first = first_[index(bin(x))];
        next_.push_back(first);
        first = static_cast<int>(positions_.size());
        positions_.push_back(x);
    }

private:
    static constexpr int none = -1;
    static std::size_t at(int n) { return static_cast<std::size_t>(n); }
    [[nodiscard]] Eigen::Vector3i bin(const Eigen::Vector3d& x) const {
        Eigen::Vector3i result;
        for (int i = 0; i < 3; ++i)
            result[i] = std::min(static_cast<int>((x[i] - std::floor(x[i])) * bins_[i]), bins_[i] - 1);
        return result;
    }
    [[nodiscard]] std::size_t index(Eigen::Vector3i b) const {
        for (int i = 0; i < 3; ++i) b[i] = (b[i] + bins_[i]) % bins_[i];
        return (at(b[0]) * at(bins_[1]) + at(b[1])) * at(bins_[2]) + at(b[2]);
    }

    Eigen::Matrix3d basis_;
    Eigen::Vector3i bins_;
    std::vector<int> first_;
    std::vector<int> next_;
    std::vector<Eigen::Vector3d> positions_;
};

gemmi::El draw_element(RandomStream& random) {
    const double u = random.uniform() * heavy;
    if (u < carbon) return gemmi::El::C;
    if (u < carbon + nitrogen) return gemmi::El::N;
    return u < carbon + nitrogen + oxygen ? gemmi::El::O : gemmi::El::S;
}

gemmi::Fractional draw_fractional(RandomStream& random) {
    const double x = random.uniform();
    const double y = random.uniform();
    return {x, y, random.uniform()};
}

}  // namespace

void unknown_builtin(const std::string& name) {
    const std::vector<std::string> known = builtin_model_names();
    throw UsageError(
        fmt::format("{} is no built-in model (they are {}). Did you mean {}? A coordinate file is given "
                    "by its path.",
                    name, fmt::join(known, ", "), nearest_name(name, known)));
}

std::vector<std::string> builtin_model_names() {
    std::vector<std::string> names;
    for (const Model& model : models) names.emplace_back(model.name);
    return names;
}

PseudoProteinTarget pseudo_protein_target(const std::string& name) { return find(name).target; }

gemmi::Structure pseudo_protein(const std::string& name) {
    const Model& model = find(name);
    gemmi::Structure structure;
    structure.name = model.name;
    structure.cell = to_gemmi(model.cell);
    structure.spacegroup_hm = model.space_group;
    structure.setup_cell_images();
    const gemmi::GroupOps group = structure.find_spacegroup()->operations();

    RandomStream random(model.seed, 0, Stage::model_atoms);
    const double protein_A3 =
        volume_A3(model.cell) * (1.0 - model.target.solvent_fraction) / static_cast<double>(group.order());
    Envelope envelope(model.cell, group, std::cbrt(protein_A3), random);
    std::vector<double> sample(20000);
    for (double& value : sample) value = envelope(draw_fractional(random));
    const auto threshold = sample.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(sample.size()) *
                                                                        model.target.solvent_fraction);
    std::nth_element(sample.begin(), threshold, sample.end());

    gemmi::Residue residue;
    residue.name = "UNK";
    residue.seqid = gemmi::SeqId("1");
    const auto add = [&](const gemmi::Position& position, gemmi::El element, double b_A2) {
        gemmi::Atom atom;
        atom.element = element;
        atom.name = atom.element.uname();
        atom.pos = position;
        atom.b_iso = static_cast<float>(b_A2);
        residue.atoms.push_back(atom);
    };
    const auto wanted = static_cast<std::size_t>(std::llround(protein_A3 * heavy_atoms_per_A3));
    Neighbours neighbours(model.cell);
    std::vector<Eigen::Vector3d> images;
    for (std::size_t placed = 0, trials = 0; placed < wanted; ++trials) {
        if (trials > 1000 * wanted) throw std::logic_error("pseudo-protein: the atoms do not fit");
        const gemmi::Fractional x = draw_fractional(random);
        if (envelope(x) < *threshold) continue;
        images.assign(1, {x.x, x.y, x.z});
        for (const gemmi::FTransform& image : structure.cell.images) {
            const gemmi::Vec3 e = image.apply(x);
            images.emplace_back(e.x, e.y, e.z);
        }
        const bool on_axis = std::any_of(images.begin() + 1, images.end(),
                                         [&](const auto& e) { return neighbours.too_close(images[0], e); });
        if (on_axis || !neighbours.is_free(images[0])) continue;
        for (const Eigen::Vector3d& image : images) neighbours.add(image);
        ++placed;
        const gemmi::Position position = structure.cell.orthogonalize(x);
        // exp(-sigma^2 / 2) makes the mean of the log-normal the mean asked for.
        const double b_A2 =
            model.target.mean_b_A2 * std::exp(log_b_sigma * random.normal() - 0.5 * log_b_sigma * log_b_sigma);
        add(position, draw_element(random), b_A2);
        if (random.uniform() * heavy < hydrogen) {
            const double z = random.uniform(-1.0, 1.0);
            const double angle = random.uniform(0.0, 2.0 * std::numbers::pi);
            const double rho = std::sqrt(1.0 - z * z);
            const gemmi::Position bond(rho * std::cos(angle), rho * std::sin(angle), z);
            add(position + bond * hydrogen_bond_length_A, gemmi::El::H, b_A2);
        }
    }
    gemmi::Chain chain("A");
    chain.residues.push_back(std::move(residue));
    structure.models.emplace_back("1");
    structure.models[0].chains.push_back(std::move(chain));
    return structure;
}

StructureFactors structure_factors_from_builtin(const std::string& name, double d_min_A) {
    check_d_min(d_min_A);
    return structure_factors_from_model(pseudo_protein(name), d_min_A, BulkSolvent{});
}

}  // namespace braggbench
