#include "simulator/background.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/experiment.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/radial_curve.hpp"

namespace braggbench {
namespace {

void add_layers(const Experiment& experiment, RadialCurve& curve) {
    const double diameter_cm = experiment.beam.diameter_um * 1e-4;
    const double area_cm2 = std::numbers::pi / 4.0 * diameter_cm * diameter_cm;
    for (const AmorphousLayer& layer : experiment.background) {
        std::span<const ScatteringPoint> table;
        double density = layer.density_g_per_cm3;
        double molar_mass = 0.0;
        if (layer.curve) {
            table = layer.curve->points;
            molar_mass = layer.curve->molar_mass_g_per_mol;
            if (!(density > 0.0)) density = layer.curve->density_g_per_cm3;
        } else {
            const AmorphousMaterial& material = amorphous_material(layer.material);
            table = material.table;
            molar_mass = material.molar_mass_g_per_mol;
            if (!(density > 0.0)) density = material.density_g_per_cm3;
        }
        const double molecules = area_cm2 * layer.thickness_um * 1e-4 * density * avogadro_per_mol / molar_mass;
        add_intensity(table, curve.step_invA(), molecules, curve.values());
    }
}

// The profile's photons at stol = i * step, linearly interpolated, its ends held.
void fill(const RadialProfile& profile, double wavelength_A, double distance_mm, RadialCurve& curve) {
    const std::span<float> values = curve.values();
    std::size_t above = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double x = static_cast<double>(i) * curve.step_invA();
        if (profile.axis == RadialProfile::Axis::radius_mm) {
            const double sine = x * wavelength_A;
            const double cos_2theta = 1.0 - 2.0 * sine * sine;
            x = cos_2theta > 0.0 ? distance_mm * std::sqrt(1.0 - cos_2theta * cos_2theta) / cos_2theta
                                 : profile.x.back();
        }
        while (above < profile.x.size() && profile.x[above] <= x) ++above;
        double photons = profile.photons_per_px[std::min(above, profile.x.size() - 1)];
        if (above > 0 && above < profile.x.size()) {
            const double below = profile.photons_per_px[above - 1];
            photons =
                below + (photons - below) * (x - profile.x[above - 1]) / (profile.x[above] - profile.x[above - 1]);
        }
        values[i] = static_cast<float>(photons * profile.scale);
    }
}

// Where pixels on a circle about the beam lie: the distance of the panel along the beam, at its middle.
double distance_along_beam_mm(const Panel& panel) {
    return lab_from_panel_mm(panel, 0.5 * panel.width_px, 0.5 * panel.height_px).z();
}

bool same_rings(const Panel& a, const Panel& b) {
    const double distance_a = std::abs(a.fast_axis.cross(a.slow_axis).dot(a.origin_mm));
    const double distance_b = std::abs(b.fast_axis.cross(b.slow_axis).dot(b.origin_mm));
    return a.pixel_size_mm == b.pixel_size_mm && std::abs(distance_a - distance_b) < 0.01 * distance_a;
}

void add_curves(const Experiment& experiment, Image<float>& expected_photons) {
    const bool lit = experiment.beam.fluence_photons_per_m2 > 0;
    const bool layers =
        lit && std::ranges::any_of(experiment.background, [](auto& layer) { return layer.thickness_um > 0; });
    const bool rings =
        lit && std::ranges::any_of(experiment.ice.phases, [](auto& phase) { return phase.thickness_um > 0; });
    const RadialProfile& profile = experiment.radial_profile;
    const bool measured = lit && !profile.x.empty();
    if (!layers && !rings && !measured) return;

    const double stol_max = 0.5 * largest_q_invA(experiment);
    RadialCurve layers_e2(stol_max, curve_cells(experiment));
    if (layers) add_layers(experiment, layers_e2);
    RadialCurve curve_e2 = layers_e2;
    RadialCurve photons(stol_max, curve_cells(experiment));
    const Panel* prepared_rings = nullptr;
    const Panel* prepared = nullptr;
    for_each_pixel_row(experiment, expected_photons, [&](const PixelRow& row, std::span<float> pixels) {
        const Panel& panel = experiment.detector.panels[static_cast<std::size_t>(row.panel)];
        if (&panel != prepared) {
            // Pixels and distance decide how wide a ring is.
            if (rings && (prepared_rings == nullptr || !same_rings(*prepared_rings, panel))) {
                curve_e2 = layers_e2;
                add_smooth_ice(experiment, panel, curve_e2);
                prepared_rings = &panel;
            }
            if (measured) {
                fill(profile, experiment.beam.wavelength_A, distance_along_beam_mm(panel), photons);
            }
            prepared = &panel;
        }
        if (layers || rings) curve_e2.add_to(row.stol_invA, row.photons_per_e2, pixels);
        if (measured) photons.add_to(row.stol_invA, pixels);
    });
}

}  // namespace

void check(const AmorphousLayer& layer, const std::string& name, Faults& faults) {
    if (layer.curve) {
        const ScatteringCurve& curve = *layer.curve;
        const bool ascending =
            std::ranges::is_sorted(curve.points, std::ranges::less_equal{}, &ScatteringPoint::stol_invA);
        const bool usable = std::ranges::all_of(curve.points, [](const ScatteringPoint& point) {
            return std::isfinite(point.stol_invA) && point.stol_invA >= 0 && std::isfinite(point.f_per_molecule_e) &&
                   point.f_per_molecule_e >= 0;
        });
        if (curve.points.size() < 2 || !ascending || !usable) {
            faults.add(name +
                       "curve (it needs two points or more, ascending in stol, finite and not negative). Give a file "
                       "that load_scattering_curve() reads.");
        }
        faults.require(curve.molar_mass_g_per_mol > 0, name + "curve.molar_mass_g_per_mol", curve.molar_mass_g_per_mol,
                       "it turns density into molecules", "Give what one molecule of the table weighs.");
        faults.require(curve.density_g_per_cm3 > 0 || layer.density_g_per_cm3 > 0, name + "density_g_per_cm3",
                       layer.density_g_per_cm3, "neither the layer nor its curve has a density",
                       "Give it in grams per cubic centimetre.");
    } else {
        try {
            (void)amorphous_material(layer.material);
        } catch (const UsageError& error) {
            faults.add(name + error.what());
        }
    }
    faults.require(layer.thickness_um >= 0, name + "thickness_um", layer.thickness_um, "a thickness cannot be negative",
                   "Give it in micrometres.");
    faults.require(layer.density_g_per_cm3 >= 0 && layer.density_g_per_cm3 <= 25, name + "density_g_per_cm3",
                   layer.density_g_per_cm3, "no matter in a beam has such a density",
                   "Give grams per cubic centimetre, or 0 for the material's own.");
}

void check(const RadialProfile& profile, Faults& faults) {
    if (profile.x.size() != profile.photons_per_px.size()) {
        faults.add(
            fmt::format("radial_profile: {} places but {} values (they go in pairs). Give one value for each place.",
                        profile.x.size(), profile.photons_per_px.size()));
    }
    const auto usable = [](double value) { return std::isfinite(value) && value >= 0; };
    if (!std::ranges::is_sorted(profile.x, std::ranges::less_equal{}) || !std::ranges::all_of(profile.x, usable) ||
        !std::ranges::all_of(profile.photons_per_px, usable)) {
        faults.add(
            "radial_profile (its places must ascend and nothing may be negative or not finite). Give a file that "
            "load_radial_profile() reads.");
    }
    faults.require(profile.scale >= 0, "radial_profile.scale", profile.scale, "photons cannot be negative",
                   "Give a factor such as 1.");
}

void add_background(const Experiment& experiment, Image<float>& expected_photons) {
    add_curves(experiment, expected_photons);
    add_textured_ice(experiment, expected_photons);
    add_streaks(experiment, expected_photons);
}

}  // namespace braggbench
