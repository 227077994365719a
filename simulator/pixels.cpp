#include "simulator/pixels.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/background.hpp"
#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/pixels_detail.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

using namespace pixels;

// A pixel would take a second.
constexpr double most_steps_per_pixel = 1e9;

void check_rotations(const std::vector<Eigen::Matrix3d>& rotations, const std::string& name, Faults& faults) {
    for (std::size_t i = 0; i < rotations.size(); ++i) {
        const Eigen::Matrix3d& u = rotations[i];
        if (!u.allFinite() || !(u * u.transpose()).isIdentity(1e-6) || u.determinant() < 0) {
            faults.add(
                fmt::format("{}[{}] (it is not a rotation). Give an orthonormal matrix of determinant 1.", name, i));
            return;
        }
    }
}

void check(const PixelSampling& sampling, const Experiment& experiment, Faults& faults) {
    faults.require(sampling.oversample >= 1 && sampling.oversample <= 1000, "oversample", sampling.oversample,
                   "a pixel has from 1 to 1000 points along each edge", "Give a small positive number.");
    faults.require(sampling.thickness_steps >= 1 && sampling.thickness_steps <= 10000, "thickness_steps",
                   sampling.thickness_steps, "a sensor has from 1 to 10000 layers", "Give a small positive number.");
    double total = 0.0;
    for (std::size_t i = 0; i < sampling.sources.size(); ++i) {
        const Source& source = sampling.sources[i];
        const std::string name = fmt::format("sources[{}].", i);
        faults.require(source.wavelength_A > 0, name + "wavelength_A", source.wavelength_A, "a wavelength is positive",
                       "Give it in angstrom.");
        faults.require(source.weight >= 0, name + "weight", source.weight, "a share of the photons is not negative",
                       "Leave the source out.");
        faults.require(std::abs(source.incident.norm() - 1) < 1e-6, name + "incident's length", source.incident.norm(),
                       "a direction is a unit vector", "Normalise it.");
        faults.require(source.incident.cross(Eigen::Vector3d::UnitX()).norm() > 1e-3, name + "incident's x",
                       source.incident.x(), "the electric field lies along x, across the beam",
                       "Give directions near +z.");
        total += source.weight;
    }
    faults.require(total > 0, "sum of the sources' weights", total, "there must be photons",
                   "Give at least one source a positive weight.");
    const std::size_t lists = sampling.mosaic_blocks.size();
    if (lists != 1 && lists != experiment.crystals.size()) {
        faults.add(fmt::format("mosaic_blocks: {} lists for {} crystals. Give one, or one for each.", lists,
                               experiment.crystals.size()));
        return;
    }
    for (const auto& list : sampling.mosaic_blocks) {
        if (list.empty() || list.size() != sampling.mosaic_blocks.front().size()) {
            faults.add("mosaic_blocks (lists must have at least one block, and equally many). Add the identity.");
            return;
        }
        check_rotations(list, "mosaic_blocks", faults);
    }
    check_rotations(sampling.spindle_rotations, "spindle_rotations", faults);
    const double points = static_cast<double>(sampling.oversample) * sampling.oversample;
    double steps = static_cast<double>(std::max<std::size_t>(1, sampling.spindle_rotations.size())) *
                   static_cast<double>(sampling.mosaic_blocks.front().size()) * sampling.thickness_steps;
    if (sampling.combination == PixelSampling::Combination::product) {
        steps *= points * static_cast<double>(sampling.sources.size());
    } else if (sampling.sources.size() != sampling.mosaic_blocks.front().size()) {
        faults.add(fmt::format("a joint list needs as many sources ({}) as blocks ({}). Repeat the shorter list.",
                               sampling.sources.size(), sampling.mosaic_blocks.front().size()));
    } else if (static_cast<double>(sampling.sources.size()) < points) {
        faults.add(fmt::format("a joint list of {} for {} points of each pixel. Give at least as many.",
                               sampling.sources.size(), points));
    }
    faults.require(steps <= most_steps_per_pixel, "steps per pixel", steps,
                   "sources * blocks * spindle settings * oversample^2 * layers are at most 1e9, a second or more for "
                   "every pixel",
                   "Take fewer of them.");
}

void check(const PixelOptions& options, const Detector& detector, Faults& faults) {
    faults.require(options.shape_fudge > 0, "shape_fudge", options.shape_fudge, "it scales a squared distance",
                   "Give a positive number.");
    faults.require(options.pixel_d_min_A >= 0, "pixel_d_min_A", options.pixel_d_min_A,
                   "a resolution cannot be negative", "Give it in angstrom, or 0 for no limit.");
    faults.require(options.isotropic_e2 >= 0, "isotropic_e2", options.isotropic_e2, "scattering is not negative",
                   "Give it in squared electrons.");
    if (options.outside) {
        faults.require(options.outside->f_e >= 0, "outside f_e", options.outside->f_e, "an amplitude is not negative",
                       "Give it in electrons.");
    }
    if (options.curvature) {
        faults.require(options.curvature->radius_mm > 0, "curvature radius_mm", options.curvature->radius_mm,
                       "a radius is positive", "Give it in millimetres.");
    }
    const auto size =
        static_cast<std::size_t>(detector.image_width_px) * static_cast<std::size_t>(detector.image_height_px);
    if (!options.mask.empty() && options.mask.size() != size) {
        faults.add(fmt::format("mask of {} values for an image of {} x {} pixels. Give one for each pixel.",
                               options.mask.size(), detector.image_width_px, detector.image_height_px));
    }
}

IntensityTable intensity_table(const Crystal& crystal, const PixelOptions& options) {
    const StructureFactors& factors = *crystal.structure_factors;
    const MillerIndex max = factors.hkl_max();
    IntensityTable table;
    table.first = {-max.h - 1, -max.k - 1, -max.l - 1};
    table.count = {2 * max.h + 3, 2 * max.k + 3, 2 * max.l + 3};
    const double outside = options.outside ? options.outside->f_e * options.outside->f_e : 0.0;
    table.f2.assign(static_cast<std::size_t>(table.count[0]) * static_cast<std::size_t>(table.count[1]) *
                        static_cast<std::size_t>(table.count[2]),
                    static_cast<float>(outside));
    const Eigen::Matrix3d basis = reciprocal_basis(factors.cell());
    const double s2_max =
        crystal.d_min_A > 0 ? 1.0 / (crystal.d_min_A * crystal.d_min_A) : std::numeric_limits<double>::infinity();
    const MillerIndex low = options.outside ? options.outside->box_min : MillerIndex{-max.h, -max.k, -max.l};
    const MillerIndex high = options.outside ? options.outside->box_max : max;
    for (int h = std::max(low.h, -max.h); h <= std::min(high.h, max.h); ++h) {
        for (int k = std::max(low.k, -max.k); k <= std::min(high.k, max.k); ++k) {
            const std::size_t line =
                (static_cast<std::size_t>(h - table.first[0]) * static_cast<std::size_t>(table.count[1]) +
                 static_cast<std::size_t>(k - table.first[1])) *
                static_cast<std::size_t>(table.count[2]);
            const Eigen::Vector3d start = basis * Eigen::Vector3d(h, k, 0);
            for (int l = std::max(low.l, -max.l); l <= std::min(high.l, max.l); ++l) {
                float& f2 = table.f2[line + static_cast<std::size_t>(l - table.first[2])];
                f2 = 0.0F;
                const auto f = static_cast<double>(factors(h, k, l));
                if (f == 0 || (!options.with_f000 && h == 0 && k == 0 && l == 0)) continue;
                const double s2 = (start + l * basis.col(2)).squaredNorm();
                if (s2 > s2_max) continue;
                const double damping = crystal.b_factor_A2 != 0 ? std::exp(-0.5 * crystal.b_factor_A2 * s2) : 1.0;
                f2 = static_cast<float>(f * f * damping);
            }
        }
    }
    return table;
}

// The same |S v|^2 with an upper triangular S.
Eigen::Matrix3d upper_triangular(const Eigen::Matrix3d& matrix) {
    return Eigen::HouseholderQR<Eigen::Matrix3d>(matrix).matrixQR().triangularView<Eigen::Upper>();
}

Eigen::Matrix3d shape_from_hkl(const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl, double fudge) {
    const Eigen::Matrix3d cells = crystal.cells_per_block.asDiagonal();
    // nanoBragg's own: reciprocal distances in 1/A, times the number of cells of the whole block.
    const Eigen::Matrix3d stock = crystal.cells_per_block.prod() * lab_from_hkl;
    switch (crystal.shape) {
        case BlockShape::gaussian:
            return std::sqrt(2.0 * fudge / 0.63) * cells;
        case BlockShape::gaussian_stock:
            return upper_triangular(std::sqrt(2.0 * fudge / 0.63) * stock);
        case BlockShape::top_hat:
            return upper_triangular(std::sqrt(fudge / 0.3969) * stock);
        case BlockShape::round:
            return std::sqrt(fudge) * cells;
        case BlockShape::square:
            break;
    }
    return cells;
}

Lattice make_lattice(const Scene& scene, std::size_t number) {
    const Experiment& experiment = *scene.experiment;
    const PixelSampling& sampling = *scene.sampling;
    const Crystal& crystal = experiment.crystals[number];
    const UnitCell& cell = crystal.structure_factors->cell();
    Lattice lattice;
    lattice.crystal = &crystal;
    lattice.lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(cell);
    const auto& blocks = sampling.mosaic_blocks[sampling.mosaic_blocks.size() == 1 ? 0 : number];
    std::vector<Eigen::Matrix3d> spindle = sampling.spindle_rotations;
    if (spindle.empty()) spindle.emplace_back(Eigen::Matrix3d::Identity());
    const Eigen::Matrix3d hkl_from_lab = lattice.lab_from_hkl.inverse();
    for (const Eigen::Matrix3d& rotation : spindle) {
        for (const Eigen::Matrix3d& block : blocks) {
            lattice.settings.emplace_back(block * rotation);
            lattice.hkl_from_lab.emplace_back(hkl_from_lab * lattice.settings.back().transpose());
        }
    }
    lattice.shape_from_hkl = shape_from_hkl(crystal, lattice.lab_from_hkl, scene.options->shape_fudge);
    const double cells = crystal.cells_per_block.prod();
    constexpr double A3_per_um3 = 1e12;
    const double block_count = crystal.illuminated_volume_um3 * A3_per_um3 / (cells * volume_A3(cell));
    const double ellipsoid = crystal.shape == BlockShape::round ? std::numbers::pi / 6.0 : 1.0;
    lattice.photons_per_e2_sr = classical_electron_radius_m * classical_electron_radius_m *
                                experiment.beam.fluence_photons_per_m2 * block_count * cells * cells * ellipsoid;
    lattice.table = intensity_table(crystal, *scene.options);
    return lattice;
}

Scene make_scene(const Experiment& experiment, const PixelSampling& sampling, const PixelOptions& options) {
    Scene scene;
    scene.experiment = &experiment;
    scene.sampling = &sampling;
    scene.options = &options;
    scene.sources = sampling.sources;
    double total = 0.0;
    for (const Source& source : scene.sources) total += source.weight;
    for (Source& source : scene.sources) source.weight /= total;
    scene.one_direction = std::ranges::all_of(
        scene.sources, [&](const Source& source) { return source.incident == scene.sources.front().incident; });
    scene.blocks = static_cast<int>(sampling.mosaic_blocks.front().size());
    scene.spindle_steps = static_cast<int>(std::max<std::size_t>(1, sampling.spindle_rotations.size()));
    return scene;
}

// What of the panel the options ask for, in its own pixels; false if nothing.
bool region_of(const Panel& panel, const PixelOptions& options, PixelRegion& region) {
    region = {0, panel.width_px - 1, 0, panel.height_px - 1};
    if (!options.roi) return true;
    region.fast_first = std::max(region.fast_first, options.roi->fast_first - panel.image_fast_px);
    region.fast_last = std::min(region.fast_last, options.roi->fast_last - panel.image_fast_px);
    region.slow_first = std::max(region.slow_first, options.roi->slow_first - panel.image_slow_px);
    region.slow_last = std::min(region.slow_last, options.roi->slow_last - panel.image_slow_px);
    return region.fast_first <= region.fast_last && region.slow_first <= region.slow_last;
}

void add_isotropic(const Scene& scene, const Panel& panel, const PixelRegion& region, Image<double>& image) {
    const double per_sr = classical_electron_radius_m * classical_electron_radius_m *
                          scene.experiment->beam.fluence_photons_per_m2 * scene.options->isotropic_e2;
    const int points = scene.sampling->oversample * scene.sampling->oversample;
    const bool last_only = scene.options->isotropic_factor == PixelOptions::IsotropicFactor::last_point;
    const int first_point = last_only ? points - 1 : 0;
    std::vector<Source> sources = scene.sources;
    if (last_only) {
        sources = {scene.sources.back()};
        sources.front().weight = 1.0;
    }
    TileGeometry tile;
    std::array<double, tile_px * tile_px> values{};
    values.fill(1.0);
    for (int slow = region.slow_first; slow <= region.slow_last; slow += tile_px) {
        for (int fast = region.fast_first; fast <= region.fast_last; fast += tile_px) {
            for (int layer = 0; layer < scene.sampling->thickness_steps; ++layer) {
                for (int point = first_point; point < points; ++point) {
                    trace_tile(scene, panel, fast, slow, layer, point, tile);
                    if (polarization_varies(scene)) {
                        values.fill(0.0);
                        for (const Source& source : sources) {
                            const PolarizationFrame frame(source.incident);
                            for (std::size_t i = 0; i < values.size(); ++i) {
                                values[i] += source.weight *
                                             frame.factor(tile.direction[i], scene.experiment->beam.polarization);
                            }
                        }
                    }
                    tile.deposit(region, per_sr / (points - first_point), values, panel, image);
                }
            }
        }
    }
}

void add_lattice(const Scene& scene, const Lattice& lattice, const Panel& panel, const PixelRegion& region,
                 Image<double>& image) {
    if (scene.options->amplitudes == PixelOptions::Amplitudes::tricubic) {
        add_tricubic(scene, lattice, panel, region, image);
    } else if (scene.options->visit != PixelOptions::Visit::every_pixel && sparse_suffices(scene, lattice, panel)) {
        add_sparse(scene, lattice, panel, region, image);
    } else {
        add_dense(scene, lattice, panel, region, image);
    }
}

}  // namespace

void add_pixels(const Experiment& experiment, const PixelSampling& sampling, const PixelOptions& options,
                Image<double>& expected_photons) {
    Faults faults;
    check(sampling, experiment, faults);
    check(options, experiment.detector, faults);
    faults.report();
    const Scene scene = make_scene(experiment, sampling, options);
    const bool dark = experiment.beam.fluence_photons_per_m2 <= 0;
    for (std::size_t number = 0; number < experiment.crystals.size() && !dark; ++number) {
        const Lattice lattice = make_lattice(scene, number);
        for (const Panel& panel : experiment.detector.panels) {
            PixelRegion region;
            if (region_of(panel, options, region)) add_lattice(scene, lattice, panel, region, expected_photons);
        }
    }
    if (options.isotropic_e2 > 0 && !dark) {
        for (const Panel& panel : experiment.detector.panels) {
            PixelRegion region;
            if (region_of(panel, options, region)) add_isotropic(scene, panel, region, expected_photons);
        }
    }
}

Image<float> render_pixels(const Experiment& experiment, const PixelSampling& sampling, const PixelOptions& options) {
    validate(experiment);
    Image<double> bragg(experiment.detector.image_width_px, experiment.detector.image_height_px);
    add_pixels(experiment, sampling, options, bragg);
    Image<float> image(bragg.width, bragg.height);
    add_background(experiment, image);
    for (std::size_t i = 0; i < image.size(); ++i) image.pixels[i] += static_cast<float>(bragg.pixels[i]);
    for (int slow = 0; slow < image.height; ++slow) {
        for (int fast = 0; fast < image.width; ++fast) {
            const bool inside = !options.roi || (fast >= options.roi->fast_first && fast <= options.roi->fast_last &&
                                                 slow >= options.roi->slow_first && slow <= options.roi->slow_last);
            if (!inside || (!options.mask.empty() && options.mask[image.index(fast, slow)] == 0)) image(fast, slow) = 0;
        }
    }
    return image;
}

}  // namespace braggbench
