#include "simulator/structure_factors.hpp"

#include <fftw3.h>
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <gemmi/dencalc.hpp>
#include <gemmi/it92.hpp>
#include <gemmi/model.hpp>
#include <gemmi/solmask.hpp>
#include <gemmi/symmetry.hpp>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "simulator/coordinate_file.hpp"
#include "simulator/error.hpp"
#include "simulator/fftw_planner.hpp"
#include "simulator/model_structure_factors.hpp"

namespace braggbench {

namespace {

// Grid points per d_min / 2. With the blur below it leaves R ~ 2e-4 against the direct sum
// (tests/simulator/structure_factors_test.cpp).
constexpr double oversampling = 1.5;
// At low resolution the grid must still resolve the margins of the solvent mask (1.0 and 1.1 A).
constexpr double coarsest_grid_A = 1.0;
// Density and its transform take 8 bytes a point.
constexpr double most_grid_points = 5e8;

using Density = gemmi::DensityCalculator<gemmi::IT92<double>, float>;
using ComplexBuffer = std::unique_ptr<fftwf_complex[], decltype(&fftwf_free)>;

constexpr int lanes = 8;
using Lanes = Eigen::Array<float, lanes, 1>;

// What DensityCalculator::add_atom_density_to_grid() does for an isotropic atom, eight points of a grid row at a time,
// which is an order of magnitude faster.
void add_isotropic_atom(Density& density, const gemmi::Atom& atom) {
    gemmi::Grid<float>& grid = density.grid;
    const double b_A2 = atom.b_iso + density.blur;
    const auto terms = gemmi::IT92<double>::get(atom.element).precalculate_density_iso(b_A2);
    const double radius_A = density.estimate_radius(terms, b_A2);
    std::array<float, 5> heights{};
    std::array<float, 5> exponents{};
    for (std::size_t i = 0; i < heights.size(); ++i) {
        heights[i] = static_cast<float>(terms.a[i] * atom.occ);
        exponents[i] = static_cast<float>(terms.b[i]);
    }
    const gemmi::Fractional centre = grid.unit_cell.fractionalize(atom.pos).wrap_to_unit();
    // A row runs along a. Its points are at offset + u * step from the atom.
    const gemmi::Vec3 step = grid.unit_cell.orth.mat.column_copy(0) * (1.0 / grid.nu);
    const Lanes ramp = Lanes::LinSpaced(0.0F, static_cast<float>(lanes - 1));
    const auto reach = [&](double spacing_A) { return static_cast<int>(std::ceil(radius_A / spacing_A)); };
    const int w_centre = static_cast<int>(std::lround(centre.z * grid.nw));
    const int v_centre = static_cast<int>(std::lround(centre.y * grid.nv));
    const int w_reach = reach(grid.spacing[2]);
    const int v_reach = reach(grid.spacing[1]);
    for (int w = w_centre - w_reach; w <= w_centre + w_reach; ++w) {
        for (int v = v_centre - v_reach; v <= v_centre + v_reach; ++v) {
            const gemmi::Vec3 offset = grid.unit_cell.orthogonalize_difference(
                gemmi::Fractional(0.0, static_cast<double>(v) / grid.nv, static_cast<double>(w) / grid.nw) -
                gemmi::Fractional(centre));
            // |offset + u step|^2 <= radius^2
            const double middle = -offset.dot(step) / step.length_sq();
            const double half2 = middle * middle - (offset.length_sq() - radius_A * radius_A) / step.length_sq();
            if (half2 < 0.0) continue;
            const int first = static_cast<int>(std::ceil(middle - std::sqrt(half2)));
            const int count = static_cast<int>(std::floor(middle + std::sqrt(half2))) - first + 1;
            const auto step2 = static_cast<float>(step.length_sq());
            const auto closest2 =
                static_cast<float>(std::max(offset.length_sq() - middle * middle * step.length_sq(), 0.0));
            float* line = &grid.data[grid.index_s(0, v, w)];
            int u = gemmi::modulo(first, grid.nu);
            for (int done = 0; done < count; done += lanes) {
                const Lanes r2 = closest2 + step2 * (ramp + static_cast<float>(first + done - middle)).square();
                Lanes values = Lanes::Zero();
                for (std::size_t j = 0; j < heights.size(); ++j) values += heights[j] * (exponents[j] * r2).exp();
                for (int i = 0; i < std::min(lanes, count - done); ++i) {
                    line[u] += values[i];
                    if (++u == grid.nu) u = 0;
                }
            }
        }
    }
}

void put_density(Density& density, const gemmi::Model& model) {
    density.initialize_grid();
    for (const gemmi::Chain& chain : model.chains) {
        for (const gemmi::Residue& residue : chain.residues) {
            for (const gemmi::Atom& atom : residue.atoms) {
                if (atom.aniso.nonzero())
                    density.add_atom_density_to_grid(atom);
                else
                    add_isotropic_atom(density, atom);
            }
        }
    }
    density.grid.symmetrize_sum();
}

double smallest_b_A2(const gemmi::Model& model) {
    double smallest = std::numeric_limits<double>::max();
    for (const gemmi::Chain& chain : model.chains) {
        for (const gemmi::Residue& residue : chain.residues) {
            for (const gemmi::Atom& atom : residue.atoms) {
                double b = atom.b_iso;
                if (atom.aniso.nonzero()) {
                    const auto u = atom.aniso.scaled(gemmi::u_to_b()).calculate_eigenvalues();
                    b = static_cast<double>(std::min({u[0], u[1], u[2]}));
                }
                smallest = std::min(smallest, b);
            }
        }
    }
    return smallest;
}

// Half of the transform of a real grid (x fastest): out[(w * nv + v) * (nu / 2 + 1) + u].
ComplexBuffer transform(gemmi::Grid<float>& grid) {
    const auto nu = static_cast<std::size_t>(grid.nu / 2 + 1);
    const std::size_t size = nu * static_cast<std::size_t>(grid.nv) * static_cast<std::size_t>(grid.nw);
    ComplexBuffer out(fftwf_alloc_complex(size), fftwf_free);
    if (!out) throw std::bad_alloc();
    fftwf_plan plan = nullptr;
    {
        // FFTW_ESTIMATE picks a plan without timing, hence the same one, and the same bytes, each time.
        const std::scoped_lock lock(fftw_planner());
        plan = fftwf_plan_dft_r2c_3d(grid.nw, grid.nv, grid.nu, grid.data.data(), out.get(), FFTW_ESTIMATE);
    }
    fftwf_execute(plan);
    const std::scoped_lock lock(fftw_planner());
    fftwf_destroy_plan(plan);
    return out;
}

std::complex<double> coefficient(const ComplexBuffer& transformed, const gemmi::Grid<float>& grid, MillerIndex hkl) {
    // The Friedel mate of h < 0 is stored; its conjugate is taken so that two transforms can be added.
    const bool mate = hkl.h < 0;
    if (mate) hkl = {-hkl.h, -hkl.k, -hkl.l};
    const auto wrapped = [](int index, int n) { return static_cast<std::size_t>(index < 0 ? index + n : index); };
    const std::size_t index = (wrapped(hkl.l, grid.nw) * static_cast<std::size_t>(grid.nv) + wrapped(hkl.k, grid.nv)) *
                                  static_cast<std::size_t>(grid.nu / 2 + 1) +
                              static_cast<std::size_t>(hkl.h);
    const auto& value = transformed[index];
    return {value[0], mate ? -value[1] : value[1]};
}

MillerIndex box_to(double d_min_A, const UnitCell& cell) {
    // The largest h with |s| <= 1 / d_min is a / d_min, since h = a . s.
    const auto limit = [&](double axis_A) { return static_cast<int>(std::floor(axis_A / d_min_A + 1e-9)); };
    return {limit(cell.a_A), limit(cell.b_A), limit(cell.c_A)};
}

}  // namespace

StructureFactors::StructureFactors(UnitCell cell, std::string space_group, double d_min_A, MillerIndex hkl_max,
                                   std::vector<float> amplitudes)
    : cell_(cell),
      space_group_(std::move(space_group)),
      d_min_A_(d_min_A),
      max_(hkl_max),
      amplitudes_(std::move(amplitudes)) {
    validate(cell_);
    if (!(d_min_A_ > 0.0) || !std::isfinite(d_min_A_))
        throw UsageError(
            fmt::format("d_min = {} A (not a positive number). Give the resolution limit in angstrom.", d_min_A_));
    if (max_.h < 0 || max_.k < 0 || max_.l < 0)
        throw UsageError("structure factors: a largest index is negative. Give a box from -max to max.");
    const std::size_t expected = static_cast<std::size_t>(2 * max_.h + 1) * static_cast<std::size_t>(2 * max_.k + 1) *
                                 static_cast<std::size_t>(2 * max_.l + 1);
    if (amplitudes_.size() != expected)
        throw UsageError(
            fmt::format("structure factors: {} amplitudes for a box of {} (indices to {} {} {}). Give one "
                        "for each index.",
                        amplitudes_.size(), expected, max_.h, max_.k, max_.l));
    const bool usable =
        std::all_of(amplitudes_.begin(), amplitudes_.end(), [](float f) { return f >= 0.0F && std::isfinite(f); });
    if (!usable) throw UsageError("structure factors: an amplitude is negative or not finite. Give |F| in electrons.");
}

void check_d_min(double d_min_A) {
    if (!(d_min_A > 0.5 && d_min_A <= 50.0))
        throw UsageError(
            fmt::format("d_min = {} A (outside 0.5 to 50 A). Give a resolution limit such as 2.0.", d_min_A));
}

StructureFactors structure_factors_from_model(const gemmi::Structure& structure, double d_min_A,
                                              const BulkSolvent& solvent) {
    check_d_min(d_min_A);
    if (!std::isfinite(solvent.k_e_per_A3) || !std::isfinite(solvent.b_A2) || solvent.k_e_per_A3 < 0.0)
        throw UsageError(
            fmt::format("bulk solvent of {} electrons per cubic angstrom, B = {} A^2 (not a density and "
                        "a B factor). Give for example 0.35 and 46.",
                        solvent.k_e_per_A3, solvent.b_A2));
    const gemmi::Model& model = structure.models.at(0);
    const UnitCell cell{structure.cell.a,     structure.cell.b,    structure.cell.c,
                        structure.cell.alpha, structure.cell.beta, structure.cell.gamma};

    Density density;
    density.d_min = d_min_A;
    density.rate = std::max(oversampling, d_min_A / (2.0 * coarsest_grid_A));
    const double spacing_A = density.requested_grid_spacing();
    const double points = volume_A3(cell) / std::pow(spacing_A, 3);
    if (points > most_grid_points)
        throw UsageError(
            fmt::format("d_min = {} A needs a density grid of {:.1e} points for this cell (at most {:.0e} "
                        "are sensible). Give a larger d_min.",
                        d_min_A, points, most_grid_points));
    density.set_grid_cell_and_spacegroup(structure);
    // Atoms sharper than the grid alias, so all are blurred to one width and sharpened back in reciprocal space; the
    // width is Refmac's (Murshudov et al. 2011, Acta Cryst. D67, 355).
    density.blur = std::max(gemmi::u_to_b() / 1.1 * spacing_A * spacing_A - smallest_b_A2(model), 0.0);
    put_density(density, model);
    const ComplexBuffer atoms = transform(density.grid);
    ComplexBuffer mask(nullptr, fftwf_free);
    if (solvent.k_e_per_A3 > 0.0) {
        gemmi::SolventMasker(gemmi::AtomicRadiiSet::VanDerWaals).put_mask_on_grid(density.grid, model);
        mask = transform(density.grid);
    }

    const MillerIndex max = box_to(d_min_A, cell);
    const auto nk = static_cast<std::size_t>(2 * max.k + 1);
    const auto nl = static_cast<std::size_t>(2 * max.l + 1);
    constexpr float unset = -1.0F;
    std::vector<float> amplitudes(static_cast<std::size_t>(2 * max.h + 1) * nk * nl, unset);
    const auto place = [&](int h, int k, int l) -> float& {
        return amplitudes[(static_cast<std::size_t>(h + max.h) * nk + static_cast<std::size_t>(k + max.k)) * nl +
                          static_cast<std::size_t>(l + max.l)];
    };
    const Eigen::Matrix3d to_s = reciprocal_basis(cell);
    const double s2_max = 1.0 / (d_min_A * d_min_A);
    const double scale = volume_A3(cell) / static_cast<double>(density.grid.point_count());
    const gemmi::GroupOps group = structure.find_spacegroup()->operations();
    for (int h = -max.h; h <= max.h; ++h) {
        for (int k = -max.k; k <= max.k; ++k) {
            for (int l = -max.l; l <= max.l; ++l) {
                if (place(h, k, l) != unset) continue;
                const double s2 = (to_s * Eigen::Vector3d(h, k, l)).squaredNorm();
                if (s2 > s2_max) {
                    place(h, k, l) = 0.0F;
                    continue;
                }
                float amplitude = 0.0F;
                if (!group.is_systematically_absent({h, k, l})) {
                    std::complex<double> f =
                        coefficient(atoms, density.grid, {h, k, l}) * density.reciprocal_space_multiplier(s2);
                    if (mask)
                        f += coefficient(mask, density.grid, {h, k, l}) * solvent.k_e_per_A3 *
                             std::exp(-0.25 * solvent.b_A2 * s2);
                    amplitude = static_cast<float>(std::abs(f) * scale);
                }
                for (const gemmi::Op& op : group.sym_ops) {
                    const gemmi::Miller e = op.apply_to_hkl({h, k, l});
                    place(e[0], e[1], e[2]) = amplitude;
                    place(-e[0], -e[1], -e[2]) = amplitude;
                }
            }
        }
    }
    return {cell, structure.find_spacegroup()->hm, d_min_A, max, std::move(amplitudes)};
}

StructureFactors structure_factors_from_coordinates(const std::filesystem::path& pdb_or_mmcif, double d_min_A,
                                                    BulkSolvent solvent) {
    check_d_min(d_min_A);
    const gemmi::Structure structure = read_coordinates(pdb_or_mmcif, read_gunzipped_file(pdb_or_mmcif));
    try {
        return structure_factors_from_model(structure, d_min_A, solvent);
    } catch (const UsageError&) {
        throw;
    } catch (const std::runtime_error& error) {
        throw DataError(fmt::format("{}: no density can be made of its atoms ({}). Check the cell and the atoms.",
                                    pdb_or_mmcif.string(), error.what()));
    }
}

}  // namespace braggbench
