// Amplitudes from coordinates against the direct sum over atoms, which gemmi's StructureFactorCalculator carries out.
#include "simulator/structure_factors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gemmi/it92.hpp>
#include <gemmi/model.hpp>
#include <gemmi/sfcalc.hpp>
#include <limits>
#include <numbers>
#include <sstream>
#include <string>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

const std::filesystem::path data_dir = TEST_DATA_DIR;
const std::filesystem::path orthorhombic = data_dir / "thirty_atoms_p212121.pdb";
const std::filesystem::path tetragonal = data_dir / "thirty_atoms_p43212.cif";
constexpr BulkSolvent no_solvent{0.0, 46.0};

gemmi::Structure atoms_of(const std::filesystem::path& path) {
    return read_coordinates(path, read_gunzipped_file(path));
}

template <class Visit>
void for_each_reflection(const StructureFactors& factors, const Visit& visit) {
    const MillerIndex max = factors.hkl_max();
    const Eigen::Matrix3d to_s = reciprocal_basis(factors.cell());
    for (int h = -max.h; h <= max.h; ++h) {
        for (int k = -max.k; k <= max.k; ++k) {
            for (int l = -max.l; l <= max.l; ++l) visit(h, k, l, (to_s * Eigen::Vector3d(h, k, l)).norm());
        }
    }
}

// sum |F - F_direct| / sum F_direct over every `stride`-th reflection inside the resolution limit.
double r_factor(const std::filesystem::path& path, double d_min_A, int stride) {
    const gemmi::Structure structure = atoms_of(path);
    const StructureFactors factors = structure_factors_from_coordinates(path, d_min_A, no_solvent);
    gemmi::StructureFactorCalculator<gemmi::IT92<double>> direct(structure.cell);
    double difference = 0.0;
    double sum = 0.0;
    int count = 0;
    for_each_reflection(factors, [&](int h, int k, int l, double s) {
        if (s > 1.0 / d_min_A || ++count % stride != 0) return;
        const double f = std::abs(direct.calculate_sf_from_model(structure.models[0], {h, k, l}));
        difference += std::abs(static_cast<double>(factors(h, k, l)) - f);
        sum += f;
    });
    EXPECT_GT(count / stride, 20);
    return difference / sum;
}

TEST(StructureFactors, AgreeWithTheDirectSumInP212121) { EXPECT_LE(r_factor(orthorhombic, 1.5, 1), 0.001); }
TEST(StructureFactors, AgreeWithTheDirectSumInP43212) { EXPECT_LE(r_factor(tetragonal, 1.5, 1), 0.001); }
TEST(StructureFactors, AgreeWithTheDirectSumAtLowResolution) { EXPECT_LE(r_factor(tetragonal, 6.0, 1), 0.001); }

TEST(StructureFactors, AgreeWithTheDirectSumForProteins) {
    const std::filesystem::path models = std::filesystem::path(SHARED_DIR) / "models";
    if (!std::filesystem::exists(models)) GTEST_SKIP() << models << " is not there";
    EXPECT_LE(r_factor(models / "4N8Z.cif", 2.0, 200), 0.001);
    EXPECT_LE(r_factor(models / "1AKI.pdb", 2.0, 200), 0.001);
    EXPECT_LE(r_factor(models / "1JB0.pdb", 3.0, 60000), 0.001);
}

TEST(StructureFactors, OriginHoldsTheElectronsOfTheCell) {
    double electrons = 0.0;
    const gemmi::Structure structure = atoms_of(orthorhombic);
    for (const gemmi::Residue& residue : structure.models[0].chains[0].residues) {
        for (const gemmi::Atom& atom : residue.atoms)
            electrons += static_cast<double>(atom.occ) * atom.element.atomic_number();
    }
    // IT92 form factors meet the atomic number to 0.12 %.
    EXPECT_NEAR(structure_factors_from_coordinates(orthorhombic, 3.0, no_solvent)(0, 0, 0), 4.0 * electrons,
                0.0012 * 4.0 * electrons);
}

TEST(StructureFactors, ObeyTheSpaceGroupFriedelAndTheLimit) {
    const StructureFactors factors = structure_factors_from_coordinates(tetragonal, 2.0);
    EXPECT_EQ(factors.space_group(), "P 43 21 2");
    EXPECT_EQ(factors.cell(), (UnitCell{28.0, 28.0, 21.5}));
    EXPECT_EQ(factors.hkl_max(), (MillerIndex{14, 14, 10}));
    int present = 0;
    for_each_reflection(factors, [&](int h, int k, int l, double s) {
        const float f = factors(h, k, l);
        EXPECT_EQ(f, factors(-h, -k, -l));
        EXPECT_EQ(f, factors(-k, h, l));  // the fourfold screw along c
        EXPECT_EQ(f, factors(k, h, -l));  // a twofold axis across it
        const bool absent = (h == 0 && k == 0 && l % 4 != 0) || (k == 0 && l == 0 && h % 2 != 0);
        if (absent || s > 0.5) {
            EXPECT_EQ(f, 0.0F) << h << ' ' << k << ' ' << l;
        }
        if (f > 0.0F) ++present;
    });
    // The limiting sphere holds 4/3 pi V / d^3 reflections.
    const double in_sphere = 4.0 / 3.0 * std::numbers::pi * 28.0 * 28.0 * 21.5 / 8.0;
    EXPECT_NEAR(present, in_sphere, 0.03 * in_sphere);
    EXPECT_EQ(factors(15, 0, 0), 0.0F);  // outside the box
    EXPECT_EQ(factors(0, 0, -11), 0.0F);
}

TEST(StructureFactors, HexagonalEquivalentsAgree) {
    const auto path =
        std::filesystem::temp_directory_path() / ("braggbench_hexagonal_test" + std::to_string(getpid()) + ".pdb");
    std::ofstream(path) << "CRYST1   30.000   30.000   20.000  90.00  90.00 120.00 P 63          6\n"
                           "HETATM    1  O   HOH A   1       5.000   7.000   3.000  1.00 20.00           O\n"
                           "HETATM    2  S   HOH A   2      -4.000  12.500   8.000  1.00 15.00           S\n"
                           "END\n";
    const StructureFactors factors = structure_factors_from_coordinates(path, 2.0, no_solvent);
    EXPECT_LE(r_factor(path, 2.0, 1), 0.001);
    std::filesystem::remove(path);
    for_each_reflection(factors, [&](int h, int k, int l, double) {
        if (std::abs(h + k) <= factors.hkl_max().h) {
            EXPECT_EQ(factors(h, k, l), factors(k, -h - k, l));
        }
    });
    EXPECT_EQ(factors(0, 0, 3), 0.0F);
    EXPECT_GT(factors(0, 0, 4), 0.0F);
}

TEST(StructureFactors, BulkSolventFillsTheVoidAndFadesWithResolution) {
    const StructureFactors dry = structure_factors_from_coordinates(tetragonal, 1.8, no_solvent);
    const StructureFactors wet = structure_factors_from_coordinates(tetragonal, 1.8, {0.35, 46.0});
    const StructureFactors denser = structure_factors_from_coordinates(tetragonal, 1.8, {0.70, 46.0});
    const double cell_A3 = 28.0 * 28.0 * 21.5;
    const double solvent_e = static_cast<double>(wet(0, 0, 0) - dry(0, 0, 0));
    EXPECT_GT(solvent_e, 0.1 * 0.35 * cell_A3);
    EXPECT_LT(solvent_e, 0.35 * cell_A3);
    EXPECT_NEAR(denser(0, 0, 0) - wet(0, 0, 0), solvent_e, 1e-4 * solvent_e);
    double low = 0.0;
    double low_sum = 0.0;
    double high = 0.0;
    double high_sum = 0.0;
    for_each_reflection(dry, [&](int h, int k, int l, double s) {
        const double change = std::abs(static_cast<double>(wet(h, k, l) - dry(h, k, l)));
        if (s == 0.0 || s > 1.0 / 1.8) return;
        if (s < 0.125) {
            low += change;
            low_sum += static_cast<double>(dry(h, k, l));
        } else if (s > 0.45) {
            high += change;
            high_sum += static_cast<double>(dry(h, k, l));
        }
    });
    EXPECT_GT(low / low_sum, 0.10);
    EXPECT_LT(high / high_sum, 0.02);
}

TEST(StructureFactors, SameInputGivesTheSameBytes) {
    EXPECT_EQ(structure_factors_from_coordinates(orthorhombic, 2.0).amplitudes(),
              structure_factors_from_coordinates(orthorhombic, 2.0).amplitudes());
}

TEST(StructureFactors, ResolutionLimitIsChecked) {
    for (const double d_min_A :
         {0.0, -2.0, 0.5, 50.1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        EXPECT_THROW(structure_factors_from_coordinates(orthorhombic, d_min_A), UsageError) << d_min_A;
    EXPECT_NO_THROW(structure_factors_from_coordinates(orthorhombic, 50.0));
}

TEST(StructureFactors, BoxAndValuesAreChecked) {
    const UnitCell cell{10.0, 10.0, 10.0};
    EXPECT_NO_THROW(StructureFactors(cell, "P 1", 5.0, {1, 0, 0}, {1.0F, 2.0F, 3.0F}));
    EXPECT_THROW(StructureFactors(cell, "P 1", 5.0, {1, 0, 0}, {1.0F, 2.0F}), UsageError);
    EXPECT_THROW(StructureFactors(cell, "P 1", 5.0, {1, 0, 0}, {1.0F, -2.0F, 3.0F}), UsageError);
    EXPECT_THROW(StructureFactors(cell, "P 1", 5.0, {1, 0, 0}, {1.0F, std::nanf(""), 3.0F}), UsageError);
    EXPECT_THROW(StructureFactors(cell, "P 1", 0.0, {0, 0, 0}, {1.0F}), UsageError);
    EXPECT_THROW(StructureFactors(cell, "P 1", 5.0, {-1, 0, 0}, {1.0F}), UsageError);
    EXPECT_THROW(StructureFactors(UnitCell{0.0, 1.0, 1.0}, "P 1", 5.0, {0, 0, 0}, {1.0F}), UsageError);
}

// Each test makes one fault in a good file and reads the message.
class BadCoordinates : public testing::Test {
protected:
    void TearDown() override { std::filesystem::remove(path_); }

    std::string message(const std::string& extension, const std::string& text) {
        path_ = std::filesystem::temp_directory_path() /
                ("braggbench_bad_coordinates" + std::to_string(getpid()) + extension);
        std::ofstream(path_, std::ios::binary) << text;
        try {
            structure_factors_from_coordinates(path_, 3.0);
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos);
            return error.what();
        }
        ADD_FAILURE() << "no DataError";
        return "";
    }
    static std::string replaced(std::string text, const std::string& from, const std::string& to) {
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos);
        return text.replace(at, from.size(), to);
    }

    const std::string pdb_ = read_gunzipped_file(orthorhombic);
    const std::string cif_ = read_gunzipped_file(tetragonal);

private:
    std::filesystem::path path_;
};

TEST_F(BadCoordinates, NumbersThatAreNone) {
    const std::string x = pdb_.substr(pdb_.find("HETATM") + 30, 8);
    EXPECT_NE(message(".pdb", replaced(pdb_, x, "     nan")).find("x is 'nan'"), std::string::npos);
    EXPECT_NE(message(".pdb", replaced(pdb_, x, "********")).find(":3:"), std::string::npos);
    EXPECT_NE(message(".pdb", replaced(pdb_, x, "     inf")).find("finite"), std::string::npos);
    EXPECT_NE(message(".pdb", replaced(pdb_, x, "9e30    ")).find("1000 cells"), std::string::npos);
    EXPECT_NE(message(".cif", replaced(cif_, " 1 . ", " 1 . nan ")).size(), 0U);
    std::istringstream lines(cif_);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("HETATM 1 ")) continue;
        std::string bad = line;
        bad.replace(bad.find(" 1 . ") + 5, bad.find(' ', bad.find(" 1 . ") + 5) - bad.find(" 1 . ") - 5, "nan");
        EXPECT_NE(message(".cif", replaced(cif_, line, bad)).find("finite"), std::string::npos);
    }
}

TEST_F(BadCoordinates, NoCell) {
    EXPECT_NE(message(".pdb", replaced(pdb_, "CRYST1", "REMARK")).find("unit cell"), std::string::npos);
    EXPECT_NE(message(".cif", replaced(cif_, "_cell.length_a", "_cell.length_x")).find("unit cell"), std::string::npos);
    const std::string right_angles = "_cell.angle_alpha 90\n_cell.angle_beta 90\n";
    const std::string too_sharp = "_cell.angle_alpha 20\n_cell.angle_beta 20\n";  // cannot meet with gamma = 90
    EXPECT_NE(message(".cif", replaced(cif_, right_angles, too_sharp)).find("corner"), std::string::npos);
}

TEST_F(BadCoordinates, NoSpaceGroup) {
    EXPECT_NE(message(".pdb", replaced(pdb_, "P 21 21 21", "Q 21 21 21")).find("space group"), std::string::npos);
}

TEST_F(BadCoordinates, NoAtoms) {
    EXPECT_NE(message(".pdb", pdb_.substr(0, pdb_.find("HETATM")) + "END\n").find("no atoms"), std::string::npos);
    EXPECT_NE(message(".cif", cif_.substr(0, cif_.find("loop_"))).find("no atoms"), std::string::npos);
}

TEST_F(BadCoordinates, TruncatedOrGarbage) {
    EXPECT_NE(message(".pdb", pdb_.substr(0, pdb_.size() / 2)).size(), 0U);
    EXPECT_NE(message(".pdb", pdb_.substr(0, pdb_.find("END"))).find("truncated"), std::string::npos);
    EXPECT_NE(message(".cif", cif_.substr(0, cif_.size() / 2)).size(), 0U);
    EXPECT_NE(message(".pdb", "").size(), 0U);
    EXPECT_NE(message(".cif", "").size(), 0U);
    EXPECT_NE(message(".cif", std::string("\x89PNG\r\n\x1a\n\0\0", 10)).find("mmCIF"), std::string::npos);
    EXPECT_NE(message(".pdb", std::string("\x89PNG\r\n\x1a\n\0\0", 10)).size(), 0U);
    EXPECT_NE(message(".pdb.gz", pdb_).find("gzip"), std::string::npos);
}

TEST(MissingCoordinates, AreDataErrors) {
    EXPECT_THROW(structure_factors_from_coordinates(data_dir / "no_such_file.pdb", 3.0), DataError);
    EXPECT_THROW(structure_factors_from_coordinates(data_dir / "no_such_file.cif.gz", 3.0), DataError);
    EXPECT_THROW(structure_factors_from_coordinates(data_dir, 3.0), DataError);
}

}  // namespace
}  // namespace braggbench
