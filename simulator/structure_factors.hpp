// Amplitudes |F(hkl)| in electrons on a dense box in P1, to a resolution limit. Immutable and shared by all lattices.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "simulator/unit_cell.hpp"

namespace braggbench {

class StructureFactors {
public:
    // `amplitudes` runs over h in [-h_max, h_max], then k, then l (l fastest); absent reflections are 0.
    // Throws UsageError if the sizes disagree or a value is negative or not finite.
    StructureFactors(UnitCell cell, std::string space_group, double d_min_A, MillerIndex hkl_max,
                     std::vector<float> amplitudes);

    [[nodiscard]] const UnitCell& cell() const { return cell_; }
    [[nodiscard]] const std::string& space_group() const { return space_group_; }  // Hermann-Mauguin
    [[nodiscard]] double d_min_A() const { return d_min_A_; }
    [[nodiscard]] MillerIndex hkl_max() const { return max_; }
    [[nodiscard]] const std::vector<float>& amplitudes() const { return amplitudes_; }

    // |F| in electrons; 0 outside the box.
    [[nodiscard]] float operator()(int h, int k, int l) const {
        if (h < -max_.h || h > max_.h || k < -max_.k || k > max_.k || l < -max_.l || l > max_.l) return 0.0F;
        const auto nk = 2 * static_cast<std::size_t>(max_.k) + 1;
        const auto nl = 2 * static_cast<std::size_t>(max_.l) + 1;
        return amplitudes_[(static_cast<std::size_t>(h + max_.h) * nk + static_cast<std::size_t>(k + max_.k)) * nl +
                           static_cast<std::size_t>(l + max_.l)];
    }

private:
    UnitCell cell_;
    std::string space_group_;
    double d_min_A_;
    MillerIndex max_;
    std::vector<float> amplitudes_;
};

struct BulkSolvent {
    double k_e_per_A3 = 0.35;  // solvent electron density; 0 = no solvent
    double b_A2 = 46.0;        // Fokine & Urzhumtsev 2002, Acta Cryst. D58, 1387
};

// From atoms: density on a grid (gemmi), then FFTW. Throws DataError for a file that is missing, truncated, of another
// format, has no cell or has non-finite coordinates; UsageError for a d_min that is not in (0.5, 50] A.
StructureFactors structure_factors_from_coordinates(const std::filesystem::path& pdb_or_mmcif, double d_min_A,
                                                    BulkSolvent solvent = {});

// From text lines "h k l F" (any white space, '#' comments), as nanoBragg reads them: no symmetry is applied.
StructureFactors structure_factors_from_hkl(const std::filesystem::path& hkl, const UnitCell& cell);

// From an MTZ file: column `label`, or the first amplitude column (type F), or the square root of the first intensity
// column (J); expanded to P1 by the file's symmetry and Friedel's law.
StructureFactors structure_factors_from_mtz(const std::filesystem::path& mtz, const std::string& label = "");

// Names of the built-in pseudo-protein models: "photosystem-1", "photosystem-2", "hydrogenase", "lysozyme".
std::vector<std::string> builtin_model_names();

// Seeded protein-like atoms in the published cell and space group, bulk solvent included. Throws UsageError for an
// unknown name, with the nearest one.
StructureFactors structure_factors_from_builtin(const std::string& name, double d_min_A);

// What `simulate` and recipes take: a built-in name, or a path ending in .pdb/.cif/.mmcif/.ent (also .gz), .mtz or
// .hkl (.hkl needs `cell`). The result is cached on disk under cache_directory() by the content that makes it.
StructureFactors load_structure_factors(const std::string& name_or_path, double d_min_A,
                                        const UnitCell* cell_of_hkl = nullptr);

// $BRAGGBENCH_CACHE, else $XDG_CACHE_HOME/braggbench, else ~/.cache/braggbench.
std::filesystem::path cache_directory();

}  // namespace braggbench
