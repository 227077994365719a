#include "simulator/nanobragg/run.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/nanobragg/mosaic.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench::nanobragg {
namespace {

// nanoBragg's own constants.
constexpr double electron_radius2_m2 = 7.94079248018965e-30;
constexpr double default_fluence_per_m2 = 125932015286227086360700780544.0;
constexpr double water_f_e = 2.57;
constexpr double water_g_per_mol = 18.0;

constexpr double most_sources = 1e7;
constexpr int most_blocks = 10000000;
constexpr int most_phi_steps = 1000000;

struct Steps {
    int count = 1;
    double range = 0.0;
    double step = 0.0;
};

// nanoBragg's rules for a range whose ends are both included, of which any of range, step and count may be missing.
Steps range_with_ends(const char* name, std::optional<double> range, std::optional<double> step,
                      std::optional<int> count, double range_of_bare_count) {
    Steps steps;
    const bool has_step = step && *step > 0;
    if (!count || *count <= 0) {
        if (!range) {
            if (has_step) steps = {2, *step, *step};
        } else {
            const double needed = has_step ? std::ceil(*range / *step) : 2.0;
            if (!(needed <= most_sources)) {
                throw UsageError(fmt::format("{}: {} steps (at most {} are supported). Take larger ones.", name, needed,
                                             most_sources));
            }
            steps = {static_cast<int>(needed), *range, has_step ? *step : *range};
        }
    } else if (!range) {
        steps = has_step ? Steps{2, *step, *step} : Steps{*count, range_of_bare_count, range_of_bare_count / *count};
    } else if (has_step) {
        steps = {*count, *range, *step};
    } else {
        const int at_least_two = std::max(*count, 2);
        steps = {at_least_two, *range, *range / (at_least_two - 1)};
    }
    if (!(steps.range > 0) || !(steps.step > 0) || steps.count <= 0) steps = {};
    return steps;
}

// Settings are at the beginning of each step.
Steps phi_steps(const Options& options) {
    const auto& range = options.osc_deg;
    const bool has_range = range && *range >= 0;
    const bool has_step = options.phi_step_deg && *options.phi_step_deg > 0;
    const double step = options.phi_step_deg.value_or(0.0);
    Steps steps;
    if (!options.phi_steps || *options.phi_steps < 0) {
        if (!has_range) {
            if (has_step) steps = {2, step, step};
        } else if (!has_step) {
            steps = {2, *range, *range / 2};
        } else {
            steps = {static_cast<int>(std::min(std::ceil(*range / step), 2e9)), *range, step};
        }
    } else {
        const int count = std::max(*options.phi_steps, 1);
        if (!has_range) {
            steps = has_step ? Steps{2, step, step} : Steps{count, 1.0, 1.0 / count};
        } else {
            steps = {count, *range, options.phi_step_deg ? step : *range / count};
        }
    }
    if (steps.count > most_phi_steps) {
        throw UsageError(
            fmt::format("{} phi steps (at most {} are supported). Take fewer.", steps.count, most_phi_steps));
    }
    steps.count = std::max(steps.count, 1);
    return steps;
}

Eigen::Matrix3d about_axes(const Vector& angles_deg) {
    return (Eigen::AngleAxisd(angles_deg[2] * rad_per_deg, Eigen::Vector3d::UnitZ()) *
            Eigen::AngleAxisd(angles_deg[1] * rad_per_deg, Eigen::Vector3d::UnitY()) *
            Eigen::AngleAxisd(angles_deg[0] * rad_per_deg, Eigen::Vector3d::UnitX()))
        .toRotationMatrix();
}

UnitCell cell_of(const Options& options) {
    const auto& given = options.cell;
    const auto number = [&](std::size_t i, double fallback) {
        return given.size() > i && given[i] > 0 ? given[i] : fallback;
    };
    UnitCell cell;
    cell.a_A = given.front();
    cell.b_A = number(1, cell.a_A);
    cell.c_A = number(2, cell.a_A);
    cell.alpha_deg = number(3, 90.0);
    cell.beta_deg = number(4, 90.0);
    cell.gamma_deg = number(5, 90.0);
    validate(cell);
    return cell;
}

// The lattice in the convention's frame.
struct Vectors {
    Eigen::Matrix3d direct_A;  // columns a, b, c
    double star_scale = 1.0;   // of nanoBragg's a*, b*, c* over those reciprocal to a, b, c
};

// nanoBragg's own way to place a cell: a* along x and b* in the xy plane. Its z of c* takes the volume of the direct
// cell for that of the reciprocal one, which tilts the axes of a triclinic cell by a few hundredths of a degree.
Eigen::Matrix3d placed_reciprocal(const UnitCell& cell) {
    const Eigen::Matrix3d true_basis = reciprocal_basis(cell);
    const auto cosine = [&](int i, int j) {
        return true_basis.col(i).dot(true_basis.col(j)) / (true_basis.col(i).norm() * true_basis.col(j).norm());
    };
    const double cos_alpha = cosine(1, 2);
    const double cos_beta = cosine(0, 2);
    const double cos_gamma = cosine(0, 1);
    const double sin_gamma = std::sqrt(1.0 - cos_gamma * cos_gamma);
    const double a = true_basis.col(0).norm();
    const double b = true_basis.col(1).norm();
    const double c = true_basis.col(2).norm();
    const double relative_volume = volume_A3(cell) / (cell.a_A * cell.b_A * cell.c_A);
    Eigen::Matrix3d vectors;
    vectors << a, b * cos_gamma, c * cos_beta,                                   //
        0.0, b * sin_gamma, c * (cos_alpha - cos_beta * cos_gamma) / sin_gamma,  //
        0.0, 0.0, c * relative_volume / sin_gamma;
    return vectors;
}

Vectors lattice_vectors(const Options& options) {
    Eigen::Matrix3d reciprocal = Eigen::Matrix3d::Zero();
    if (options.cell_given) reciprocal = placed_reciprocal(cell_of(options));
    if (options.mat) {
        reciprocal = read_matrix(*options.mat) / options.wavelength_A;
    } else if (!options.cell_given) {
        throw UsageError("there is no crystal (neither -mat nor -cell is given). Give one of them.");
    }
    if (options.misset_random) {
        ShuffledMinimalStandard random(options.misset_seed.value_or(options.seed.value_or(1)));
        reciprocal = random_block(90.0, random) * reciprocal;
    } else if (options.misset_deg) {
        reciprocal = about_axes(*options.misset_deg) * reciprocal;
    }
    const double determinant = reciprocal.determinant();
    const double sizes = reciprocal.col(0).norm() * reciprocal.col(1).norm() * reciprocal.col(2).norm();
    if (!reciprocal.allFinite() || !(std::abs(determinant) > 1e-6 * sizes)) {
        throw UsageError("the cell has no volume (a*, b* and c* lie in a plane). Check -mat or -cell.");
    }
    if (determinant < 0) {
        throw UsageError(
            "a*, b* and c* are left-handed (no rotation makes such a crystal). Check the order and signs of -mat.");
    }
    Vectors vectors;
    vectors.direct_A = reciprocal.inverse().transpose();
    if (options.cell_given) {
        // The cell's lengths along the axes at hand, and the cell's volume in what is reciprocal to them.
        const UnitCell cell = cell_of(options);
        const Eigen::Vector3d lengths(cell.a_A, cell.b_A, cell.c_A);
        for (int i = 0; i < 3; ++i) vectors.direct_A.col(i) *= lengths[i] / vectors.direct_A.col(i).norm();
        vectors.star_scale = vectors.direct_A.determinant() / volume_A3(cell);
    }
    return vectors;
}

UnitCell cell_of_vectors(const Eigen::Matrix3d& direct) {
    const auto angle = [&](int i, int j) {
        return std::atan2(direct.col(i).cross(direct.col(j)).norm(), direct.col(i).dot(direct.col(j))) / rad_per_deg;
    };
    const UnitCell cell{direct.col(0).norm(), direct.col(1).norm(), direct.col(2).norm(),
                        angle(1, 2),          angle(0, 2),          angle(0, 1)};
    validate(cell);
    return cell;
}

AmplitudeBox read_amplitudes(const Options& options) {
    if (options.hkl) return read_hkl(*options.hkl, options.default_f);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(options.dump, ignored)) return read_dump(options.dump);
    if (options.default_f == 0.0) {
        throw UsageError(
            fmt::format("there are no structure factors (no -hkl, no {}, and -default_F is 0). Give one of them.",
                        options.dump.string()));
    }
    AmplitudeBox box;
    box.f_e.assign(1, options.default_f);
    return box;
}

std::shared_ptr<const StructureFactors> structure_factors(const AmplitudeBox& box, const UnitCell& cell) {
    const MillerIndex max{std::max(std::abs(box.min.h), std::abs(box.max.h)),
                          std::max(std::abs(box.min.k), std::abs(box.max.k)),
                          std::max(std::abs(box.min.l), std::abs(box.max.l))};
    const auto nk = static_cast<std::size_t>(2 * max.k + 1);
    const auto nl = static_cast<std::size_t>(2 * max.l + 1);
    std::vector<float> amplitudes(static_cast<std::size_t>(2 * max.h + 1) * nk * nl, 0.0F);
    for (int h = box.min.h; h <= box.max.h; ++h) {
        for (int k = box.min.k; k <= box.max.k; ++k) {
            for (int l = box.min.l; l <= box.max.l; ++l) {
                const double f = std::abs(box.f_e[box.index(h, k, l)]);
                amplitudes[(static_cast<std::size_t>(h + max.h) * nk + static_cast<std::size_t>(k + max.k)) * nl +
                           static_cast<std::size_t>(l + max.l)] = static_cast<float>(f);
            }
        }
    }
    const Eigen::Vector3d corner(max.h, max.k, max.l);
    const double s = std::max((reciprocal_basis(cell) * corner).norm(), 1e-3);
    return std::make_shared<const StructureFactors>(cell, "P 1", 1.0 / s, max, std::move(amplitudes));
}

Crystal crystal_of(const Options& options, const Geometry& geometry, const AmplitudeBox& amplitudes,
                   const Eigen::Matrix3d& direct_A) {
    const UnitCell cell = cell_of_vectors(direct_A);
    Crystal crystal;
    crystal.structure_factors = structure_factors(amplitudes, cell);
    crystal.lab_from_crystal = geometry.lab_from_convention * direct_A * direct_basis(cell).inverse();
    const Eigen::Vector3d axes(cell.a_A, cell.b_A, cell.c_A);
    constexpr double A_per_mm = 1e7;
    for (int i = 0; i < 3; ++i) {
        double width_mm = options.sample_mm[static_cast<std::size_t>(i)];
        // The beam cuts the sample across, not along itself.
        if (i > 0 && options.beam_size_mm >= 0) width_mm = std::min(width_mm, options.beam_size_mm);
        const double count = width_mm > 0 ? std::ceil(width_mm * A_per_mm / axes[i])
                                          : static_cast<double>(options.cells[static_cast<std::size_t>(i)]);
        crystal.cells_per_block[i] = std::max(count, 1.0);
    }
    crystal.shape = options.shape;
    crystal.illuminated_volume_um3 = crystal.cells_per_block.prod() * volume_A3(cell) * 1e-12;
    return crystal;
}

std::vector<Source> sources_of(const Options& options, const Geometry& geometry, std::vector<std::string>& notes) {
    const Eigen::Matrix3d& lab = geometry.lab_from_convention;
    std::vector<Source> sources;
    if (options.source_file) {
        bool differ = false;
        for (const SourceLine& line : read_sources(*options.source_file)) {
            constexpr double far_m = 10.0;
            const Eigen::Vector3d towards(line.x.value_or(-far_m * geometry.beam.x()),
                                          line.y.value_or(-far_m * geometry.beam.y()),
                                          line.z.value_or(-far_m * geometry.beam.z()));
            if (!(towards.norm() > 0)) {
                throw DataError(fmt::format("{}: a source lies at the sample (0 0 0). Give its direction.",
                                            options.source_file->string()));
            }
            Source source;
            source.incident = -(lab * towards.normalized());
            source.wavelength_A = line.wavelength_m ? *line.wavelength_m * 1e10 : options.wavelength_A;
            source.weight = options.weighted_sources ? line.intensity.value_or(1.0) : 1.0;
            differ = differ || line.intensity.value_or(1.0) != 1.0;
            sources.push_back(source);
        }
        if (differ && !options.weighted_sources) {
            notes.push_back(
                fmt::format("{}: its intensities do not count, as in nanoBragg; -weighted_sources makes them",
                            options.source_file->string()));
        }
        return sources;
    }
    constexpr double mrad = 1e-3;
    const auto scaled = [](std::optional<double> value, double by) {
        return value ? std::optional(*value * by) : value;
    };
    const auto range_of = [&](std::optional<double> range) {
        return range && *range >= 0 ? scaled(range, mrad) : std::optional<double>();
    };
    const Steps h = range_with_ends("-hdivsteps", range_of(options.h_divergence_mrad),
                                    scaled(options.h_divergence_step_mrad, mrad), options.h_divergence_steps, 1.0);
    const Steps v = range_with_ends("-vdivsteps", range_of(options.v_divergence_mrad),
                                    scaled(options.v_divergence_step_mrad, mrad), options.v_divergence_steps, 1.0);
    const Steps band =
        range_with_ends("-dispsteps", options.dispersion_percent / 100.0, std::nullopt, options.dispersion_steps, 1.0);
    const double count = static_cast<double>(h.count) * v.count * band.count;
    if (count > most_sources) {
        throw UsageError(
            fmt::format("{} x {} x {} sources (at most {} are supported). Take fewer steps of divergence or "
                        "dispersion.",
                        h.count, v.count, band.count, most_sources));
    }
    if (!(band.range < 2.0)) {
        throw UsageError(fmt::format("-dispersion {} (a wavelength would not be positive). Give less than 200 percent.",
                                     options.dispersion_percent));
    }
    const Eigen::Vector3d vertical = geometry.beam.cross(geometry.polar).normalized();
    for (int i = 0; i < h.count; ++i) {
        for (int j = 0; j < v.count; ++j) {
            const double across = h.step * i - h.range / 2;
            const double up = v.step * j - v.range / 2;
            // A range of 0 makes this NaN, and the direction stays.
            const double outside = (across * across - h.step * h.step / 4 * (1 - h.count % 2)) / h.range / h.range +
                                   (up * up - v.step * v.step / 4 * (1 - v.count % 2)) / v.range / v.range;
            if (options.round_divergence && 4 * outside > 1.1) continue;
            const Eigen::Vector3d towards =
                Eigen::AngleAxisd(across, vertical) * (Eigen::AngleAxisd(up, geometry.polar) * -geometry.beam);
            for (int k = 0; k < band.count; ++k) {
                Source source;
                source.incident = -(lab * towards).normalized();
                source.wavelength_A = options.wavelength_A * (1.0 + band.step * k - band.range / 2);
                sources.push_back(source);
            }
        }
    }
    if (sources.empty()) {
        throw UsageError(
            "no source is left (the grid of directions lies outside its circle). Use -square_div or other steps.");
    }
    return sources;
}

std::vector<Eigen::Matrix3d> blocks_of(const Options& options, const Geometry& geometry,
                                       std::vector<std::string>& notes) {
    const double spread_deg = std::max(options.mosaic_deg.value_or(0.0), 0.0);
    int count = options.mosaic_domains.value_or(0);
    if (count <= 0 && spread_deg > 0) count = 10;
    std::vector<Eigen::Matrix3d> blocks;
    if (options.mosaic_blocks_file) {
        blocks = read_blocks(*options.mosaic_blocks_file);
        if (count > 0 && static_cast<std::size_t>(count) != blocks.size()) {
            throw UsageError(fmt::format("-mosaic_domains {} (but {} holds {} blocks). Leave one of the options out.",
                                         count, options.mosaic_blocks_file->string(), blocks.size()));
        }
    } else if (spread_deg > 0) {
        if (count > most_blocks) {
            throw UsageError(
                fmt::format("-mosaic_domains {} (at most {} are supported). Take fewer.", count, most_blocks));
        }
        if (!options.mosaic_domains) notes.emplace_back("-mosaic without -mosaic_domains: 10 blocks");
        blocks = random_blocks(spread_deg * rad_per_deg, count, options.mosaic_seed);
    } else {
        if (count > 1) notes.emplace_back("-mosaic_domains without -mosaic: one block");
        blocks.emplace_back(Eigen::Matrix3d::Identity());
    }
    const Eigen::Matrix3d& lab = geometry.lab_from_convention;
    for (Eigen::Matrix3d& block : blocks) block = lab * block * lab.transpose();
    return blocks;
}

std::vector<Eigen::Matrix3d> spindle_of(const Options& options, const Geometry& geometry, const Steps& steps) {
    std::vector<Eigen::Matrix3d> rotations;
    for (int i = 0; i < steps.count; ++i) {
        const double phi = (options.phi_deg + steps.step * i) * rad_per_deg;
        rotations.push_back(Eigen::AngleAxisd(phi, geometry.lab_from_convention * geometry.spindle).toRotationMatrix());
        // Stock nanoBragg forgets to turn the crystal back at phi = 0, after the last setting of the pixel before.
        if (options.stock && phi == 0.0 && steps.count > 1) {
            const double last = (options.phi_deg + steps.step * (steps.count - 1)) * rad_per_deg;
            const double before = i > 0 ? (options.phi_deg + steps.step * (i - 1)) * rad_per_deg : last;
            rotations.back() =
                Eigen::AngleAxisd(before, geometry.lab_from_convention * geometry.spindle).toRotationMatrix();
        }
    }
    return rotations;
}

Detector detector_of(const Options& options, const Geometry& geometry, int& layers) {
    Panel panel;
    panel.width_px = geometry.pixels_fast;
    panel.height_px = geometry.pixels_slow;
    panel.pixel_size_mm = geometry.pixel_mm;
    panel.origin_mm = geometry.lab_from_convention * geometry.pix0_mm;
    panel.fast_axis = geometry.lab_from_convention * geometry.fast;
    panel.slow_axis = geometry.lab_from_convention * geometry.slow;
    Detector detector;
    detector.panels.push_back(panel);
    detector.image_width_px = panel.width_px;
    detector.image_height_px = panel.height_px;
    layers = 1;
    if (options.thickness_um > 0 && !(options.attenuation_um && std::isinf(*options.attenuation_um))) {
        double layer_um = options.thickness_um / 2;
        layers = 2;
        if (options.thickness_steps && *options.thickness_steps > 0) {
            layers = std::max(*options.thickness_steps, 2);
            // Stock nanoBragg's n layers cover n / (n - 1) of the thickness.
            layer_um = options.thickness_um / (options.stock ? layers - 1 : layers);
        }
        detector.sensor_thickness_um = layer_um * layers;
        detector.sensor_attenuation_length_um = options.attenuation_um.value_or(options.thickness_um);
    }
    return detector;
}

void set_pixel_options(const Options& options, const Geometry& geometry, const Experiment& experiment, Run& run) {
    using Factors = PixelOptions::Factors;
    PixelOptions& pixels = run.pixels;
    const Eigen::Vector3d& cells = experiment.crystals.front().cells_per_block;
    const bool nothing_listed = run.amplitudes.listed == 0;
    if (options.interpolate.value_or(cells.minCoeff() <= 2) && !nothing_listed) {
        pixels.amplitudes = PixelOptions::Amplitudes::tricubic;
    }
    if (options.point_pixel) pixels.solid_angle = PixelOptions::SolidAngle::point;
    if (options.stock) {
        if (!options.oversample_omega) pixels.solid_angle_factor = Factors::stock;
        if (!options.oversample_polar) pixels.polarization_factor = Factors::stock;
        if (!options.oversample_thick) pixels.capture_factor = Factors::stock;
        if (options.oversample_omega || options.oversample_polar || options.oversample_thick) {
            run.notes.emplace_back(
                "--stock does not multiply the running sum at every step, as -oversample_thick, "
                "-oversample_polar and -oversample_omega do in nanoBragg");
        }
    }
    if (options.curved) {
        // Its radians are millimetres along y and z of the convention's frame over the distance, whatever the
        // convention.
        pixels.curvature = PixelOptions::Curvature{geometry.distance_mm, geometry.lab_from_convention.col(1),
                                                   geometry.lab_from_convention.col(2)};
    }
    pixels.outside =
        PixelOptions::OutsideAmplitude{std::abs(options.default_f), run.amplitudes.min, run.amplitudes.max};
    pixels.polarized = options.polarized;
    pixels.with_f000 = true;
    pixels.shape_fudge = options.fudge;
    pixels.pixel_d_min_A = options.d_min_A;
    if (options.water_um > 0) {
        const double side_cm = options.water_um * 1e-4;
        const double molecules = side_cm * side_cm * side_cm * avogadro_per_mol / water_g_per_mol;
        pixels.isotropic_e2 = water_f_e * water_f_e * molecules;
        pixels.isotropic_factor =
            options.stock ? PixelOptions::IsotropicFactor::every_point : PixelOptions::IsotropicFactor::last_point;
        if (options.stock) {
            const PixelSampling& sampling = run.sampling;
            const double steps = static_cast<double>(sampling.sources.size()) *
                                 static_cast<double>(sampling.mosaic_blocks.front().size()) *
                                 static_cast<double>(sampling.spindle_rotations.size()) * sampling.oversample *
                                 sampling.oversample;
            const double fluence = experiment.beam.fluence_photons_per_m2;
            // Counted once, multiplied by r_e^2 fluence twice.
            pixels.isotropic_e2 *= electron_radius2_m2 * fluence / steps / sampling.thickness_steps;
        }
    }
    if (options.roi) {
        const auto& roi = *options.roi;
        const auto last = [](int given, int size) { return given < 0 ? size - 1 : std::min(given, size - 1); };
        pixels.roi = PixelRegion{std::max(roi[0], 0), last(roi[1], geometry.pixels_fast), std::max(roi[2], 0),
                                 last(roi[3], geometry.pixels_slow)};
        if (pixels.roi->fast_first > pixels.roi->fast_last || pixels.roi->slow_first > pixels.roi->slow_last) {
            throw UsageError(
                fmt::format("-roi {} {} {} {} (no pixel of the {} x {} image is in it). Give first and last pixel "
                            "along fast, then along slow.",
                            roi[0], roi[1], roi[2], roi[3], geometry.pixels_fast, geometry.pixels_slow));
        }
    }
    if (options.mask) {
        pixels.mask = read_mask(*options.mask);
        const auto size =
            static_cast<std::size_t>(geometry.pixels_fast) * static_cast<std::size_t>(geometry.pixels_slow);
        if (pixels.mask.size() != size) {
            throw UsageError(
                fmt::format("-mask {} (of {} pixels for an image of {} x {}). Leave -detpixels out, or give another.",
                            options.mask->string(), pixels.mask.size(), geometry.pixels_fast, geometry.pixels_slow));
        }
    }
}

// How far the list must go for every pixel to have its reflection.
void note_range(Run& run) {
    const Crystal& crystal = run.experiment.crystals.front();
    const UnitCell& cell = crystal.structure_factors->cell();
    const Eigen::Matrix3d direct = direct_basis(cell);
    const double q = largest_q_invA(run.experiment);
    const MillerIndex needed{static_cast<int>(std::floor(q * direct.col(0).norm())),
                             static_cast<int>(std::floor(q * direct.col(1).norm())),
                             static_cast<int>(std::floor(q * direct.col(2).norm()))};
    const MillerIndex max = crystal.structure_factors->hkl_max();
    if (run.amplitudes.listed > 0 && (needed.h > max.h || needed.k > max.k || needed.l > max.l)) {
        run.notes.push_back(
            fmt::format("the list goes to {} {} {}; the corner of the detector is at {:.2f} A, up to {} {} {}: there F "
                        "is -default_F",
                        max.h, max.k, max.l, 1.0 / q, needed.h, needed.k, needed.l));
    }
}

void check_numbers(const Options& options) {
    Faults faults;
    faults.require(options.wavelength_A > 0, "-lambda", options.wavelength_A, "a wavelength is positive",
                   "Give it in angstrom.");
    faults.require(options.fudge > 0, "-fudge", options.fudge, "it scales a squared distance",
                   "Give a positive number.");
    faults.require(options.water_um >= 0, "-water", options.water_um, "an edge is not negative",
                   "Give it in micrometres.");
    faults.require(options.scale >= 0, "-scale", options.scale, "it is positive, or 0 for automatic",
                   "Give a positive number.");
    faults.require(options.pgm_scale >= 0, "-pgmscale", options.pgm_scale, "it is positive, or 0 for automatic",
                   "Give a positive number.");
    faults.require(std::abs(options.polarization) <= 1, "-polar", options.polarization,
                   "the Kahn factor lies in [-1, 1]", "Give 0 for unpolarised X-rays.");
    faults.require(options.d_min_A >= 0, "-dmin", options.d_min_A, "a resolution is not negative",
                   "Give it in angstrom.");
    faults.report();
}

}  // namespace

Run prepare(const Options& options) {
    check_numbers(options);
    Run run;
    run.notes = options.notes;
    run.geometry = geometry_of(options);
    run.amplitudes = read_amplitudes(options);
    run.wavelength_A = options.wavelength_A;
    run.twotheta_deg = options.twotheta_deg;
    run.phi_deg = options.phi_deg;

    Experiment& experiment = run.experiment;
    experiment.beam.wavelength_A = options.wavelength_A;
    experiment.beam.polarization = options.polarization;
    double fluence = options.fluence_per_m2.value_or(default_fluence_per_m2);
    if (options.flux_per_s != 0.0 && options.exposure_s > 0 && options.beam_size_mm >= 0) {
        const double size_m = options.beam_size_mm * 1e-3;
        if (!(size_m > 0)) throw UsageError("-beamsize 0 (a flux through no area). Give it in mm.");
        fluence = options.flux_per_s * options.exposure_s / (size_m * size_m);
    }
    // In the end r_e^2 is to be nanoBragg's.
    experiment.beam.fluence_photons_per_m2 =
        fluence * electron_radius2_m2 / (classical_electron_radius_m * classical_electron_radius_m);
    experiment.detector = detector_of(options, run.geometry, run.sampling.thickness_steps);
    const Vectors vectors = lattice_vectors(options);
    experiment.crystals.push_back(crystal_of(options, run.geometry, run.amplitudes, vectors.direct_A));

    const Steps phi = phi_steps(options);
    run.osc_deg = phi.range;
    run.sampling.spindle_rotations = spindle_of(options, run.geometry, phi);
    run.sampling.sources = sources_of(options, run.geometry, run.notes);
    run.sampling.mosaic_blocks = {blocks_of(options, run.geometry, run.notes)};
    const Crystal& crystal = experiment.crystals.front();
    const UnitCell& cell = crystal.structure_factors->cell();
    const double widest_A =
        crystal.cells_per_block.cwiseProduct(Eigen::Vector3d(cell.a_A, cell.b_A, cell.c_A)).maxCoeff();
    const double coherent_A = options.wavelength_A * run.geometry.distance_mm / run.geometry.pixel_mm;
    const double recommended = std::max(std::ceil(3.0 * widest_A / coherent_A), 1.0);
    if (options.oversample.value_or(0) > 0) {
        run.sampling.oversample = *options.oversample;
        if (run.sampling.oversample < recommended) {
            run.notes.push_back(
                fmt::format("spots are narrower than a pixel; -oversample {} would sample them", recommended));
        }
    } else {
        run.sampling.oversample = static_cast<int>(std::min(recommended, 1000.0));
    }
    set_pixel_options(options, run.geometry, experiment, run);
    // Only these shapes measure in 1/A.
    if (options.shape == BlockShape::gaussian_stock || options.shape == BlockShape::top_hat) {
        run.pixels.shape_fudge *= vectors.star_scale * vectors.star_scale;
    }
    note_range(run);
    return run;
}

}  // namespace braggbench::nanobragg
