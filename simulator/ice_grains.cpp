#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/geometry.hpp"
#include "simulator/ice.hpp"
#include "simulator/ice_rings.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/random.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

using std::numbers::pi;

// Where a ray from the sample meets the panel's plane, in pixels from the outer corner of its pixel (0, 0).
std::optional<Eigen::Vector2d> meet(const Panel& panel, const Eigen::Vector3d& direction) {
    const Eigen::Vector3d normal = panel.fast_axis.cross(panel.slow_axis);
    const double along = normal.dot(direction);
    const double range = normal.dot(panel.origin_mm) / along;
    // Rays that graze the plane would need an endless footprint.
    if (std::abs(along) < 0.02 || !(range > 0.0)) return std::nullopt;
    const Eigen::Vector3d offset = direction * range - panel.origin_mm;
    return Eigen::Vector2d(offset.dot(panel.fast_axis), offset.dot(panel.slow_axis)) / panel.pixel_size_mm;
}

struct Spot {
    double two_theta;
    double azimuth;
    double two_theta_rms;  // across the ring, without pixels
    double azimuth_rms;    // along the ring, as an angle about the beam
    double beam_rms_mm;    // image of the beam's size
    double photons_per_unit_polarization;
};

Eigen::Vector3d direction_of(double two_theta, double azimuth) {
    const double sine = std::sin(two_theta);
    return {sine * std::cos(azimuth), sine * std::sin(azimuth), std::cos(two_theta)};
}

// Sums over what was deposited, positions in pixels of the image.
struct Footprint {
    double photons = 0.0;
    Eigen::Vector2d first = Eigen::Vector2d::Zero();
    Eigen::Matrix2d second = Eigen::Matrix2d::Zero();
};

// Adds the spot to one panel. The Gaussian's samples, kept in `densities`, are normalised to its photons.
void paint(const Experiment& experiment, const Panel& panel, const Spot& spot, std::vector<float>& densities,
           Image<float>& image, Footprint& total) {
    const Eigen::Vector3d direction = direction_of(spot.two_theta, spot.azimuth);
    const auto centre = meet(panel, direction);
    if (!centre) return;
    const auto across = meet(panel, direction_of(spot.two_theta + spot.two_theta_rms, spot.azimuth));
    const auto along = meet(panel, direction_of(spot.two_theta, spot.azimuth + spot.azimuth_rms));
    if (!across || !along) return;
    const Eigen::Vector2d u = *across - *centre;
    const Eigen::Vector2d v = *along - *centre;
    const double beam_px = spot.beam_rms_mm / panel.pixel_size_mm;
    const Eigen::Matrix2d covariance =
        u * u.transpose() + v * v.transpose() + (beam_px * beam_px + 1.0 / 12.0) * Eigen::Matrix2d::Identity();
    constexpr double cut = 4.0;
    const double fast_reach = cut * std::sqrt(covariance(0, 0));
    const double slow_reach = cut * std::sqrt(covariance(1, 1));
    const auto pixel = [](double position) { return static_cast<int>(std::floor(position)); };
    if (!(centre->x() + fast_reach > 0 && centre->x() - fast_reach < panel.width_px && centre->y() + slow_reach > 0 &&
          centre->y() - slow_reach < panel.height_px)) {
        return;
    }
    const int fast_first = pixel(centre->x() - fast_reach);
    const int slow_first = pixel(centre->y() - slow_reach);
    const Eigen::Index width = pixel(centre->x() + fast_reach) - fast_first + 1;
    const Eigen::Index height = pixel(centre->y() + slow_reach) - slow_first + 1;
    const Eigen::Matrix2d inverse = covariance.inverse();
    const double photons = spot.photons_per_unit_polarization *
                           polarization_factor(direction, experiment.beam.polarization) *
                           capture_fraction(experiment.detector, panel, direction);
    densities.resize(static_cast<std::size_t>(width * height));
    const auto half_fast = static_cast<float>(-0.5 * inverse(0, 0));
    const double first_fast = fast_first + 0.5 - centre->x();
    const double first_slow = slow_first + 0.5 - centre->y();
    double sum = 0.0;
    for (Eigen::Index y = 0; y < height; ++y) {
        const double slow = first_slow + static_cast<double>(y);
        const auto cross = static_cast<float>(-inverse(0, 1) * slow);
        const auto own = static_cast<float>(-0.5 * inverse(1, 1) * slow * slow);
        float* const row = &densities[static_cast<std::size_t>(y * width)];
        const auto from = static_cast<float>(first_fast);
        for (int x = 0; x < width; ++x) {
            const float fast = from + static_cast<float>(x);
            row[x] = fast_exp(own + fast * (cross + fast * half_fast));
        }
        // In memory of its own: the order of a mapped sum depends on where the memory lies, and so do its last bits.
        sum += static_cast<double>(Eigen::ArrayXf(Eigen::Map<const Eigen::ArrayXf>(row, width)).sum());
    }
    const double scale = photons / sum;
    const int skipped = std::max(0, -fast_first);
    const Eigen::Index painted = std::min<Eigen::Index>(width, panel.width_px - fast_first) - skipped;
    const Eigen::ArrayXf offsets = Eigen::ArrayXf::LinSpaced(painted, 0.0F, static_cast<float>(painted - 1)) +
                                   static_cast<float>(first_fast + skipped);
    const Eigen::Vector2d middle = *centre + Eigen::Vector2d(panel.image_fast_px, panel.image_slow_px);
    for (Eigen::Index y = std::max(0, -slow_first); y < std::min<Eigen::Index>(height, panel.height_px - slow_first);
         ++y) {
        const Eigen::ArrayXf values =
            static_cast<float>(scale) *
            Eigen::Map<const Eigen::ArrayXf>(&densities[static_cast<std::size_t>(y * width + skipped)], painted);
        float* const pixels =
            &image(panel.image_fast_px + fast_first + skipped, panel.image_slow_px + slow_first + static_cast<int>(y));
        Eigen::Map<Eigen::ArrayXf>(pixels, painted) += values;
        const auto row_photons = static_cast<double>(values.sum());
        const auto by_fast = static_cast<double>((values * offsets).sum());
        const auto by_fast2 = static_cast<double>((values * offsets.square()).sum());
        // Moments about the spot's middle, then about the image's corner.
        const double place = first_slow + static_cast<double>(y);
        const Eigen::Vector2d row_first(by_fast, place * row_photons);
        Eigen::Matrix2d row_second;
        row_second << by_fast2, place * by_fast, place * by_fast, place * place * row_photons;
        total.second += row_second + row_first * middle.transpose() + middle * row_first.transpose() +
                        row_photons * middle * middle.transpose();
        total.first += row_first + row_photons * middle;
        total.photons += row_photons;
    }
}

// The highest density of a family's normals along any scattering vector, to accept spots against.
double densest(const MarchDollase& texture, const IceFamily& family) {
    double most = 0.0;
    for (int i = 0; i <= 64; ++i) {
        for (const double cosine : family.stacking_cosines) most = std::max(most, texture(cosine, i / 64.0));
    }
    return most;
}

void add_family(const Experiment& experiment, const IcePhase& phase, const IceFamily& family,
                const MarchDollase& texture, RandomStream& random, Image<float>& image, std::vector<Peak>& peaks) {
    const Beam& beam = experiment.beam;
    const double q = family.s_invA;
    const double wavelength = beam.wavelength_A * (1.0 + bandwidth_of(beam).shift);
    const double sine = 0.5 * q * wavelength;
    if (sine >= 1.0) return;
    const double two_theta = 2.0 * std::asin(sine);
    const double cosine = std::sqrt(1.0 - sine * sine);
    const double k = 1.0 / wavelength;
    const double acceptance = acceptance_rms_rad(experiment, phase, q);
    const double size = size_rms_invA(phase);
    const double divergence = beam.divergence_rms_mrad * 1e-3;
    const double ring_photons =
        classical_electron_radius_m * classical_electron_radius_m * beam.fluence_photons_per_m2 *
        ring_weight_e2(experiment, phase, form_of(phase), family) * 2.0 * pi * wavelength * wavelength * q;
    // Grains within one rms of the acceptance share the ring; the exponential below integrates to sqrt(2 pi) rms.
    const double share = phase.grains * family.multiplicity * 0.5 * cosine * acceptance * std::sqrt(2.0 * pi);

    Spot spot{};
    spot.two_theta = two_theta;
    const double band = bandwidth_of(beam).rms;
    spot.two_theta_rms = std::hypot(size / (k * cosine), 2.0 * band * sine / cosine, divergence);
    spot.azimuth_rms =
        std::hypot(size / (q * cosine), phase.grain_mosaic_deg * rad_per_deg, divergence * k / (q * cosine));
    spot.beam_rms_mm = beam.diameter_um * 1e-3 / 4.0;

    const bool textured = phase.march != 1.0;
    const double most = textured ? densest(texture, family) : 1.0;
    const Eigen::Vector3d axis = phase.texture_axis.normalized();
    const std::uint64_t count = random.poisson(most * spots_on_ring(experiment, phase, family));
    std::vector<float> densities;
    for (std::uint64_t i = 0; i < count; ++i) {
        spot.azimuth = 2.0 * pi * random.uniform();
        const double offset = random.uniform(-grain_cut_sigma, grain_cut_sigma);
        const double plane = random.uniform();
        const double chance = random.uniform();
        if (textured) {
            const Eigen::Vector3d normal =
                (direction_of(two_theta, spot.azimuth) - Eigen::Vector3d::UnitZ()).normalized();
            const auto which = static_cast<std::size_t>(plane * static_cast<double>(family.stacking_cosines.size()));
            if (chance * most > texture(family.stacking_cosines[which], std::abs(normal.dot(axis)))) continue;
        }
        spot.photons_per_unit_polarization = ring_photons / share * std::exp(-0.5 * offset * offset);
        Footprint total;
        for (const Panel& panel : experiment.detector.panels) paint(experiment, panel, spot, densities, image, total);
        if (total.photons < static_cast<double>(listed_peak_min_photons)) continue;
        const Eigen::Vector2d mean = total.first / total.photons;
        const Eigen::Matrix2d covariance = total.second / total.photons - mean * mean.transpose();
        Peak peak;
        peak.hkl = family.hkl;
        peak.kind = PeakKind::ice;
        peak.lattice = static_cast<std::uint8_t>(std::min<std::size_t>(experiment.crystals.size(), 255));
        peak.d_A = static_cast<float>(1.0 / q);
        peak.photons = static_cast<float>(total.photons);
        peak.fast_px = static_cast<float>(mean.x());
        peak.slow_px = static_cast<float>(mean.y());
        peak.var_fast_px2 = static_cast<float>(covariance(0, 0));
        peak.var_slow_px2 = static_cast<float>(covariance(1, 1));
        peak.cov_px2 = static_cast<float>(covariance(0, 1));
        peaks.push_back(peak);
    }
}

std::shared_ptr<const StructureFactors> ice_structure_factors(double d_min_A) {
    const UnitCell cell = ice_cell(IceForm::hexagonal);
    const auto limit = [&](double edge_A) { return static_cast<int>(std::floor(edge_A / d_min_A)); };
    const MillerIndex max{limit(cell.a_A), limit(cell.b_A), limit(cell.c_A)};
    const Eigen::Matrix3d to_s = reciprocal_basis(cell);
    std::vector<float> amplitudes;
    for (int h = -max.h; h <= max.h; ++h) {
        for (int k = -max.k; k <= max.k; ++k) {
            for (int l = -max.l; l <= max.l; ++l) {
                const double s = (to_s * Eigen::Vector3d(h, k, l)).norm();
                const bool wanted = s > 0.0 && s <= 1.0 / d_min_A;
                const double f = wanted ? ice_structure_factor_e(IceForm::hexagonal, {h, k, l}) : 0.0;
                // Extinct reflections come out as rounding errors.
                amplitudes.push_back(f > 1e-3 ? static_cast<float>(f) : 0.0F);
            }
        }
    }
    return std::make_shared<const StructureFactors>(cell, "P 63/m m c", d_min_A, max, std::move(amplitudes));
}

}  // namespace

void add_ice_grains(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks) {
    if (experiment.beam.fluence_photons_per_m2 <= 0) return;
    const double q_max = 1.02 * largest_q_invA(experiment);
    RandomStream random(experiment.ice.seed, experiment.ice.image_index, Stage::ice_grains);
    for (const IcePhase& phase : experiment.ice.phases) {
        if (!(phase.thickness_um > 0.0) || !(phase.grains > 0.0)) continue;
        const MarchDollase texture(phase.march);
        for (const IceFamily* family : lines_of(phase, q_max)) {
            if (!is_spotty(experiment, phase, *family)) continue;
            add_family(experiment, phase, *family, texture, random, expected_photons, peaks);
        }
    }
}

Crystal ice_grain(const IceGrain& grain, const Beam& beam, std::uint64_t seed, std::uint64_t image_index) {
    RandomStream random(seed, image_index, Stage::ice_orientation);
    Crystal crystal;
    crystal.structure_factors = ice_structure_factors(grain.d_min_A);
    crystal.kind = PeakKind::ice;
    crystal.mosaic_spread_rms_deg.setConstant(grain.mosaic_spread_rms_deg);
    crystal.b_factor_A2 = grain.b_factor_A2;
    crystal.illuminated_volume_um3 = std::pow(grain.size_um, 3);
    // Blocks beyond 0.2 um scatter no sharper than the mosaic spread, and dynamically.
    const double block_A = std::min(grain.size_um, 0.2) * 1e4;
    const UnitCell cell = crystal.structure_factors->cell();
    crystal.cells_per_block = {block_A / cell.a_A, block_A / cell.b_A, block_A / cell.c_A};
    crystal.cells_per_block = crystal.cells_per_block.cwiseMax(1.0);
    crystal.lab_from_crystal = random.rotation();
    if (!grain.reflecting) return crystal;

    constexpr std::array<MillerIndex, 5> strongest = {{{1, 0, 0}, {0, 0, 2}, {1, 0, 1}, {1, 1, 0}, {1, 0, 3}}};
    const MillerIndex hkl = strongest[static_cast<std::size_t>(random.uniform() * 5.0)];
    const Eigen::Vector3d now =
        crystal.lab_from_crystal * reciprocal_basis(cell) * Eigen::Vector3d(hkl.h, hkl.k, hkl.l);
    const double q = now.norm();
    const double sine = 0.5 * q * beam.wavelength_A;
    if (sine >= 1.0) return crystal;
    const double azimuth = 2.0 * pi * random.uniform();
    const double across = q * std::sqrt(1.0 - sine * sine);
    const Eigen::Vector3d target(across * std::cos(azimuth), across * std::sin(azimuth), -q * sine);
    crystal.lab_from_crystal =
        Eigen::Quaterniond::FromTwoVectors(now, target).toRotationMatrix() * crystal.lab_from_crystal;
    return crystal;
}

double brightest_ice_photons(const Image<float>& expected_photons, const std::vector<Peak>& peaks) {
    double brightest = 0.0;
    for (const Peak& peak : peaks) {
        if (peak.kind != PeakKind::ice) continue;
        const int fast = static_cast<int>(std::floor(peak.fast_px));
        const int slow = static_cast<int>(std::floor(peak.slow_px));
        for (int y = std::max(slow - 1, 0); y <= std::min(slow + 1, expected_photons.height - 1); ++y) {
            for (int x = std::max(fast - 1, 0); x <= std::min(fast + 1, expected_photons.width - 1); ++x) {
                brightest = std::max(brightest, static_cast<double>(expected_photons(x, y)));
            }
        }
    }
    return brightest;
}

bool damages_detector(const Experiment& experiment, const Image<float>& expected_photons,
                      const std::vector<Peak>& peaks) {
    const double threshold = experiment.ice.damage_photons_per_px;
    return threshold > 0.0 && brightest_ice_photons(expected_photons, peaks) > threshold;
}

}  // namespace braggbench
