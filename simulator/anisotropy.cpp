#include "simulator/anisotropy.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>

#include "simulator/constants.hpp"
#include "simulator/fast_math.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"
#include "simulator/pixel_rows.hpp"

namespace braggbench {
namespace {

// 0 below -0.5, 1 above 0.5, with a continuous slope.
double smooth_step(double x) {
    const double t = std::clamp(x + 0.5, 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}

double transmission(const SectorShadow& sector, const Eigen::Vector3d& direction) {
    const double azimuth = std::atan2(direction.y(), direction.x()) / rad_per_deg;
    const double off = std::abs(std::remainder(azimuth - sector.azimuth_deg, 360.0));
    const double inside = smooth_step((sector.half_width_deg - off) / std::max(sector.edge_deg, 1e-9));
    return 1.0 - inside * (1.0 - sector.transmission);
}

double transmission(const FilmShadow& film, const Eigen::Vector3d& direction) {
    const double towards = film.normal.normalized().dot(direction);
    if (!(towards > 0.0)) return 1.0;
    // The ray meets the plane at z = distance * direction.z / towards, on the film if that is within its reach.
    const double margin = film.reach_um > 0.0 ? towards - direction.z() * film.distance_um / film.reach_um : towards;
    const double inside = smooth_step(margin / std::max(film.edge_deg * rad_per_deg, 1e-9));
    return 1.0 - inside * -std::expm1(-film.thickness_um / (film.attenuation_length_um * towards));
}

bool has_shadows(const Experiment& experiment) {
    return !experiment.anisotropy.sectors.empty() || !experiment.anisotropy.films.empty();
}

// transmission(film, ...) for a row of pixels, in single precision: SIMD code.
void shade_row(const FilmShadow& film, float wavelength, const PixelRow& row, std::vector<float>& shares) {
    const Eigen::Vector3f normal = film.normal.normalized().cast<float>();
    const float nx = normal.x();
    const float ny = normal.y();
    const float nz = normal.z();
    const auto slope = static_cast<float>(film.reach_um > 0.0 ? film.distance_um / film.reach_um : 0.0);
    const auto per_edge = static_cast<float>(1.0 / std::max(film.edge_deg * rad_per_deg, 1e-9));
    const auto depth = static_cast<float>(film.thickness_um / film.attenuation_length_um);
    const float* __restrict qx = row.qx_invA.data();
    const float* __restrict qy = row.qy_invA.data();
    const float* __restrict qz = row.qz_invA.data();
    float* __restrict share = shares.data();
    const auto count = static_cast<int>(shares.size());
    for (int i = 0; i < count; ++i) {
        const float along_beam = wavelength * qz[i] + 1.0F;
        const float towards = wavelength * (nx * qx[i] + ny * qy[i]) + nz * along_beam;
        const float t = (towards - slope * along_beam) * per_edge + 0.5F;
        const float above = t > 0.0F ? t : 0.0F;
        const float within = above < 1.0F ? above : 1.0F;
        const float inside = within * within * (3.0F - 2.0F * within);
        const float passed = fast_exp(-depth / (towards > 1e-9F ? towards : 1e-9F));
        share[i] *= towards > 0.0F ? 1.0F - inside * (1.0F - passed) : 1.0F;
    }
}

// Multiplies images of one detector by the same shares.
void shade_images(const Experiment& experiment, std::initializer_list<Image<float>*> images) {
    if (!has_shadows(experiment)) return;
    const double wavelength = experiment.beam.wavelength_A;
    std::vector<float> shares;
    for_each_pixel_row(experiment, **images.begin(), [&](const PixelRow& row, std::span<float> pixels) {
        shares.assign(pixels.size(), 1.0F);
        for (const FilmShadow& film : experiment.anisotropy.films) {
            shade_row(film, static_cast<float>(wavelength), row, shares);
        }
        for (const SectorShadow& sector : experiment.anisotropy.sectors) {
            for (std::size_t i = 0; i < shares.size(); ++i) {
                const Eigen::Vector3f q(row.qx_invA[i], row.qy_invA[i], row.qz_invA[i]);
                const Eigen::Vector3d direction = wavelength * q.cast<double>() + Eigen::Vector3d::UnitZ();
                shares[i] *= static_cast<float>(transmission(sector, direction));
            }
        }
        const Panel& panel = experiment.detector.panels[static_cast<std::size_t>(row.panel)];
        for (Image<float>* const image : images) {
            float* const first = &(*image)(panel.image_fast_px, panel.image_slow_px + row.slow_px);
            std::transform(shares.begin(), shares.end(), first, first, std::multiplies{});
        }
    });
}

}  // namespace

void check(const Anisotropy& anisotropy, Faults& faults) {
    for (std::size_t i = 0; i < anisotropy.sectors.size(); ++i) {
        const SectorShadow& sector = anisotropy.sectors[i];
        const std::string name = fmt::format("anisotropy.sectors[{}].", i);
        faults.require(std::isfinite(sector.azimuth_deg), name + "azimuth_deg", sector.azimuth_deg, "",
                       "Give an angle in degrees.");
        faults.require(sector.half_width_deg > 0 && sector.half_width_deg <= 180, name + "half_width_deg",
                       sector.half_width_deg, "half a sector covers from 0 to 180 degrees", "Give half its angle.");
        faults.require(sector.edge_deg >= 0 && sector.edge_deg <= 180, name + "edge_deg", sector.edge_deg,
                       "a border is 0 to 180 degrees wide", "Give 0 for a sharp one.");
        faults.require(sector.transmission >= 0 && sector.transmission <= 1, name + "transmission", sector.transmission,
                       "it is a share of the photons", "Give 0 to 1.");
    }
    for (std::size_t i = 0; i < anisotropy.films.size(); ++i) {
        const FilmShadow& film = anisotropy.films[i];
        const std::string name = fmt::format("anisotropy.films[{}].", i);
        const double length = film.normal.norm();
        faults.require(length > 1e-6 && length < 1e6, name + "normal length", length, "a normal has a direction",
                       "Give a vector in the lab frame, such as 0 -1 0.");
        faults.require(film.distance_um >= 0, name + "distance_um", film.distance_um, "a distance cannot be negative",
                       "Turn the normal instead.");
        faults.require(film.reach_um >= 0, name + "reach_um", film.reach_um, "a length cannot be negative",
                       "Give 0 for an endless film.");
        faults.require(film.thickness_um >= 0, name + "thickness_um", film.thickness_um,
                       "a thickness cannot be negative", "Give it in micrometres.");
        faults.require(film.attenuation_length_um > 0, name + "attenuation_length_um", film.attenuation_length_um,
                       "photons travel a positive distance", "Give 1 / mu in micrometres.");
        faults.require(film.edge_deg >= 0 && film.edge_deg <= 90, name + "edge_deg", film.edge_deg,
                       "an edge is 0 to 90 degrees wide", "Give 0 for a sharp one.");
    }
    for (std::size_t i = 0; i < anisotropy.streaks.size(); ++i) {
        const JetStreak& streak = anisotropy.streaks[i];
        const std::string name = fmt::format("anisotropy.streaks[{}].", i);
        faults.require(std::isfinite(streak.jet_azimuth_deg), name + "jet_azimuth_deg", streak.jet_azimuth_deg, "",
                       "Give an angle in degrees.");
        faults.require(streak.photons_per_px >= 0, name + "photons_per_px", streak.photons_per_px,
                       "photons cannot be negative", "Give photons per pixel at q0.");
        faults.require(streak.q0_invA > 0, name + "q0_invA", streak.q0_invA, "it is a length", "Give it in 1/A.");
        faults.require(streak.falloff >= 0 && streak.falloff <= 8, name + "falloff", streak.falloff,
                       "streaks fall with a power from 0 to 8", "Give 1 for a jet's edge.");
        faults.require(streak.width_invA > 0, name + "width_invA", streak.width_invA, "a streak has a width",
                       "Give its rms in 1/A.");
        faults.require(streak.core_invA > 0, name + "core_invA", streak.core_invA,
                       "without a core the streak is infinite in the beam", "Give a length in 1/A, such as 0.002.");
    }
}

double shadow_transmission(const Experiment& experiment, const Eigen::Vector3d& direction) {
    double share = 1.0;
    for (const SectorShadow& sector : experiment.anisotropy.sectors) share *= transmission(sector, direction);
    for (const FilmShadow& film : experiment.anisotropy.films) share *= transmission(film, direction);
    return share;
}

void apply_shadows(const Experiment& experiment, Image<float>& expected_photons) {
    shade_images(experiment, {&expected_photons});
}

void apply_shadows(const Experiment& experiment, Image<float>& expected_photons, Image<float>& background,
                   std::vector<Peak>& peaks) {
    if (!has_shadows(experiment)) return;
    shade_images(experiment, {&expected_photons, &background});
    for (Peak& peak : peaks) {
        for (const Panel& panel : experiment.detector.panels) {
            const double fast = static_cast<double>(peak.fast_px) - panel.image_fast_px;
            const double slow = static_cast<double>(peak.slow_px) - panel.image_slow_px;
            if (fast < 0 || fast > panel.width_px || slow < 0 || slow > panel.height_px) continue;
            const Eigen::Vector3d direction = lab_from_panel_mm(panel, fast, slow).normalized();
            peak.photons *= static_cast<float>(shadow_transmission(experiment, direction));
            break;
        }
    }
    std::erase_if(peaks, [](const Peak& peak) { return peak.photons < listed_peak_min_photons; });
}

void add_streaks(const Experiment& experiment, Image<float>& expected_photons) {
    if (experiment.beam.fluence_photons_per_m2 <= 0) return;
    for (const JetStreak& streak : experiment.anisotropy.streaks) {
        if (!(streak.photons_per_px > 0.0)) continue;
        const double azimuth = streak.jet_azimuth_deg * rad_per_deg;
        const Eigen::Vector2d jet(std::cos(azimuth), std::sin(azimuth));
        for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
            for (std::size_t i = 0; i < pixels.size(); ++i) {
                const Eigen::Vector2d q = Eigen::Vector2f(row.qx_invA[i], row.qy_invA[i]).cast<double>();
                const double along = q.dot(jet) / streak.width_invA;
                if (std::abs(along) > 6.0) continue;
                const double across = q.x() * jet.y() - q.y() * jet.x();
                const double fall = std::pow(streak.q0_invA / std::hypot(across, streak.core_invA), streak.falloff);
                pixels[i] += static_cast<float>(streak.photons_per_px * fall * std::exp(-0.5 * along * along));
            }
        });
    }
}

}  // namespace braggbench
