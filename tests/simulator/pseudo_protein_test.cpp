// The built-in models must look like protein crystals: Wilson statistics (Wilson 1949, Acta Cryst. 2, 318), fall-off by
// the atoms' B, space-group absences, published solvent content and density.
#include "simulator/pseudo_protein.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <gemmi/it92.hpp>
#include <gemmi/model.hpp>
#include <gemmi/sfcalc.hpp>
#include <gemmi/solmask.hpp>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "simulator/error.hpp"
#include "simulator/model_structure_factors.hpp"

namespace braggbench {
namespace {

const std::vector<gemmi::Atom>& atoms_of(const gemmi::Structure& structure) {
    return structure.models[0].chains[0].residues[0].atoms;
}

struct Moments {
    double count = 0.0;
    double i = 0.0;
    double i2 = 0.0;
    void add(double intensity) {
        ++count;
        i += intensity;
        i2 += intensity * intensity;
    }
    [[nodiscard]] double mean() const { return i / count; }
    [[nodiscard]] double ratio() const { return i2 * count / (i * i); }  // <I^2> / <I>^2
};

struct Shell {
    double s2 = 0.0;  // of its middle, in 1 / A^2
    Moments acentric;
    Moments centric;
};

// Shells of equal width in s^2 between two resolutions. Intensities are divided by the multiplicity of their direction.
std::vector<Shell> shells(const StructureFactors& factors, const gemmi::GroupOps& group, double d_max_A,
                          std::size_t count) {
    const double from = 1.0 / (d_max_A * d_max_A);
    const double width = (1.0 / (factors.d_min_A() * factors.d_min_A()) - from) / static_cast<double>(count);
    std::vector<Shell> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i].s2 = from + (static_cast<double>(i) + 0.5) * width;
    const Eigen::Matrix3d to_s = reciprocal_basis(factors.cell());
    const MillerIndex max = factors.hkl_max();
    for (int h = 0; h <= max.h; ++h) {
        for (int k = 0; k <= max.k; ++k) {
            for (int l = 0; l <= max.l; ++l) {
                const double place = ((to_s * Eigen::Vector3d(h, k, l)).squaredNorm() - from) / width;
                if (!(place >= 0.0 && place < static_cast<double>(count))) continue;
                if (group.is_systematically_absent({h, k, l})) continue;
                const double f = static_cast<double>(factors(h, k, l));
                Shell& shell = result[static_cast<std::size_t>(place)];
                (group.is_reflection_centric({h, k, l}) ? shell.centric : shell.acentric)
                    .add(f * f / group.epsilon_factor({h, k, l}));
            }
        }
    }
    return result;
}

// Slope of ln(<I> / sum f^2) against s^2 is -B / 2.
double wilson_b_A2(const std::vector<Shell>& of, const gemmi::Structure& structure) {
    std::map<gemmi::El, double> elements;
    for (const gemmi::Atom& atom : atoms_of(structure)) elements[atom.element.elem] += 1.0;
    double n = 0.0;
    double x = 0.0;
    double y = 0.0;
    double xx = 0.0;
    double xy = 0.0;
    for (const Shell& shell : of) {
        double f2 = 0.0;
        for (const auto& [element, number] : elements)
            f2 += number * std::pow(gemmi::IT92<double>::get(element).calculate_sf(shell.s2 / 4.0), 2);
        const double value = std::log(shell.acentric.mean() / f2);
        n += 1.0;
        x += shell.s2;
        y += value;
        xx += shell.s2 * shell.s2;
        xy += shell.s2 * value;
    }
    return -2.0 * (n * xy - x * y) / (n * xx - x * x);
}

class PseudoProtein : public testing::TestWithParam<std::string> {};

TEST_P(PseudoProtein, AtomsHaveAProteinsCompositionDensityAndB) {
    const gemmi::Structure structure = pseudo_protein(GetParam());
    const PseudoProteinTarget target = pseudo_protein_target(GetParam());
    std::map<gemmi::El, double> elements;
    double b = 0.0;
    double b2 = 0.0;
    for (const gemmi::Atom& atom : atoms_of(structure)) {
        elements[atom.element.elem] += 1.0;
        if (atom.is_hydrogen()) continue;
        b += static_cast<double>(atom.b_iso);
        b2 += std::pow(static_cast<double>(atom.b_iso), 2);
        ASSERT_GT(atom.b_iso, 3.0F);
    }
    const double heavy =
        elements[gemmi::El::C] + elements[gemmi::El::N] + elements[gemmi::El::O] + elements[gemmi::El::S];
    const double sigma = 4.0 * std::sqrt(0.25 / heavy);  // four standard deviations of a share, at most
    EXPECT_NEAR(elements[gemmi::El::C] / heavy, 0.632, sigma);
    EXPECT_NEAR(elements[gemmi::El::N] / heavy, 0.174, sigma);
    EXPECT_NEAR(elements[gemmi::El::O] / heavy, 0.189, sigma);
    EXPECT_GT(elements[gemmi::El::S], 0.0);
    EXPECT_NEAR(b / heavy, target.mean_b_A2, 0.03 * target.mean_b_A2);
    EXPECT_GT(std::sqrt(b2 / heavy - std::pow(b / heavy, 2)), 0.15 * target.mean_b_A2);
    // Mass over volume of protein: 1.35 g/cm^3, in Da per A^3.
    double mass = 0.0;
    for (const auto& [element, number] : elements) mass += number * gemmi::Element(element).weight();
    const double asymmetric_unit_A3 =
        structure.cell.volume / static_cast<double>(structure.find_spacegroup()->operations().order());
    EXPECT_NEAR(mass / (asymmetric_unit_A3 * (1.0 - target.solvent_fraction)), 0.813, 0.02);
}

TEST_P(PseudoProtein, SolventMaskHasThePublishedShare) {
    const gemmi::Structure structure = pseudo_protein(GetParam());
    gemmi::Grid<float> mask;
    mask.unit_cell = structure.cell;
    mask.spacegroup = structure.find_spacegroup();
    mask.set_size_from_spacing(1.0, true);
    gemmi::SolventMasker(gemmi::AtomicRadiiSet::VanDerWaals).put_mask_on_grid(mask, structure.models[0]);
    double share = 0.0;
    for (const float value : mask.data) share += static_cast<double>(value) / static_cast<double>(mask.data.size());
    EXPECT_NEAR(share, pseudo_protein_target(GetParam()).solvent_fraction, 0.03);
}

INSTANTIATE_TEST_SUITE_P(All, PseudoProtein, testing::ValuesIn(builtin_model_names()), [](const auto& tested) {
    std::string name = tested.param;
    std::erase(name, '-');
    return name;
});

TEST(PseudoProteins, AreInThePublishedCells) {
    const StructureFactors one = structure_factors_from_builtin("photosystem-1", 8.0);
    EXPECT_EQ(one.cell(), (UnitCell{281.0, 281.0, 165.2, 90.0, 90.0, 120.0}));
    EXPECT_EQ(one.space_group(), "P 63");
    const StructureFactors two = structure_factors_from_builtin("photosystem-2", 8.0);
    EXPECT_EQ(two.cell(), (UnitCell{118.0, 223.0, 311.0}));
    EXPECT_EQ(two.space_group(), "P 21 21 21");
    EXPECT_EQ(structure_factors_from_builtin("hydrogenase", 8.0).cell(), (UnitCell{73.0, 96.0, 119.0}));
    EXPECT_EQ(structure_factors_from_builtin("lysozyme", 8.0).space_group(), "P 43 21 2");
    EXPECT_THROW(structure_factors_from_builtin("lysozymes", 8.0), UsageError);
    EXPECT_THROW(structure_factors_from_builtin("lysozyme", 0.1), UsageError);
}

TEST(PseudoProteins, AreTheSameEachTime) {
    EXPECT_EQ(structure_factors_from_builtin("lysozyme", 4.0).amplitudes(),
              structure_factors_from_builtin("lysozyme", 4.0).amplitudes());
}

TEST(PseudoProteins, KeepTheirDistance) {
    const gemmi::Structure structure = pseudo_protein("lysozyme");
    double shortest = std::numeric_limits<double>::max();
    const auto& atoms = atoms_of(structure);
    for (std::size_t i = 0; i < atoms.size(); ++i) {
        if (atoms[i].is_hydrogen()) continue;
        for (std::size_t j = 0; j <= i; ++j) {
            if (atoms[j].is_hydrogen()) continue;
            // Over all images; of an atom with itself, only its other images count.
            const auto asu = i == j ? gemmi::Asu::Different : gemmi::Asu::Any;
            shortest = std::min(shortest, structure.cell.find_nearest_image(atoms[i].pos, atoms[j].pos, asu).dist());
        }
    }
    EXPECT_GE(shortest, 1.4 - 1e-4);
    EXPECT_LT(shortest, 1.5);  // packed as bonded atoms are, not spread evenly
}

TEST(PseudoProteins, AgreeWithTheDirectSum) {
    const gemmi::Structure structure = pseudo_protein("lysozyme");
    const StructureFactors factors = structure_factors_from_model(structure, 2.0, {0.0, 46.0});
    gemmi::StructureFactorCalculator<gemmi::IT92<double>> direct(structure.cell);
    double difference = 0.0;
    double sum = 0.0;
    for (int i = 0; i < 60; ++i) {
        const gemmi::Miller hkl{i % 9, i % 13, i % 7 + 1};
        const double f = std::abs(direct.calculate_sf_from_model(structure.models[0], hkl));
        difference += std::abs(static_cast<double>(factors(hkl[0], hkl[1], hkl[2])) - f);
        sum += f;
    }
    EXPECT_LE(difference, 0.001 * sum);
}

TEST(PseudoProteins, ObeyWilsonStatistics) {
    const gemmi::Structure structure = pseudo_protein("hydrogenase");
    const gemmi::GroupOps group = structure.find_spacegroup()->operations();
    const StructureFactors factors = structure_factors_from_model(structure, 2.0, {});
    const auto from_6_A = shells(factors, group, 6.0, 10);
    double previous = std::numeric_limits<double>::max();
    for (const Shell& shell : from_6_A) {
        // Exponential and chi-squared intensities have <I^2> / <I>^2 = 2 and 3; the ratios of n of them scatter by
        // 2 / sqrt(n) and 7 / sqrt(n) or so.
        EXPECT_NEAR(shell.acentric.ratio(), 2.0, 4.0 * 2.0 / std::sqrt(shell.acentric.count));
        EXPECT_NEAR(shell.centric.ratio(), 3.0, 4.0 * 7.0 / std::sqrt(shell.centric.count));
        EXPECT_NEAR(shell.centric.mean() / shell.acentric.mean(), 1.0, 0.25);
        EXPECT_LT(shell.acentric.mean(), previous);
        previous = shell.acentric.mean();
    }
    // Wilson plots are straight beyond 3 A.
    const double b_A2 = wilson_b_A2(shells(factors, group, 3.0, 10), structure);
    const double mean_b_A2 = pseudo_protein_target("hydrogenase").mean_b_A2;
    EXPECT_NEAR(b_A2, mean_b_A2, 0.3 * mean_b_A2);
}

TEST(PseudoProteins, HaveAbsencesEquivalentsAndFriedelMates) {
    const StructureFactors factors = structure_factors_from_builtin("lysozyme", 3.0);
    const MillerIndex max = factors.hkl_max();
    for (int h = 1; h <= max.h; ++h) {
        EXPECT_EQ(factors(h, 0, 0) == 0.0F, h % 2 != 0) << h;
        EXPECT_EQ(factors(0, -h, 0) == 0.0F, h % 2 != 0) << h;
    }
    for (int l = 1; l <= max.l; ++l) EXPECT_EQ(factors(0, 0, l) == 0.0F, l % 4 != 0) << l;
    EXPECT_EQ(factors(7, 3, 2), factors(-7, -3, -2));
    EXPECT_EQ(factors(7, 3, 2), factors(-3, 7, 2));
    EXPECT_EQ(factors(7, 3, 2), factors(3, 7, -2));
}

TEST(PseudoProteins, SolventWeakensLowResolutionOnly) {
    const gemmi::Structure structure = pseudo_protein("hydrogenase");
    const gemmi::GroupOps group = structure.find_spacegroup()->operations();
    const StructureFactors wet = structure_factors_from_model(structure, 3.0, {});
    const StructureFactors dry = structure_factors_from_model(structure, 3.0, {0.0, 46.0});
    // Protein (0.43 e/A^3) stands out of solvent (0.35) much less than out of a vacuum.
    const double low =
        shells(wet, group, 40.0, 40)[0].acentric.mean() / shells(dry, group, 40.0, 40)[0].acentric.mean();
    const double high = shells(wet, group, 3.3, 1)[0].acentric.mean() / shells(dry, group, 3.3, 1)[0].acentric.mean();
    EXPECT_LT(low, 0.5);
    EXPECT_NEAR(high, 1.0, 0.05);
}

TEST(PseudoProteins, OriginHoldsTheElectrons) {
    const gemmi::Structure structure = pseudo_protein("photosystem-1");
    double electrons = 0.0;
    for (const gemmi::Atom& atom : atoms_of(structure)) electrons += 6.0 * atom.element.atomic_number();
    EXPECT_NEAR(structure_factors_from_model(structure, 8.0, {0.0, 46.0})(0, 0, 0), electrons, 0.0015 * electrons);
}

}  // namespace
}  // namespace braggbench
