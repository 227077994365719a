// From a drawn scene to an Experiment, one function per part of it.
#include <cmath>
#include <numbers>
#include <string>

#include "labels/draw.hpp"
#include "labels/streams.hpp"
#include "simulator/detector_presets.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

Beam make_beam(const Recipe& recipe, const SceneRule& drawn) {
    return {.wavelength_A = recipe.wavelength_A,
            .spectrum = Spectrum::gaussian(drawn.bandwidth_rms_fraction.low),
            .divergence_rms_mrad = drawn.divergence_rms_mrad.low,
            .fluence_photons_per_m2 = drawn.fluence_photons_per_m2.low,
            .diameter_um = recipe.beam_diameter_um,
            .polarization = recipe.polarization};
}

std::vector<Crystal> make_crystals(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index,
                                   const ClassModels& models) {
    if (!drawn.crystal) return {};
    RandomStream random = stream_of(recipe, image_index, "crystal.orientation");
    Crystal crystal;
    crystal.structure_factors = models.structure_factors;
    crystal.lab_from_crystal = random.rotation();
    crystal.cells_per_block.setConstant(drawn.cells_per_block.low);
    crystal.mosaic_spread_rms_deg.setConstant(drawn.mosaic_spread_rms_deg.low);
    crystal.illuminated_volume_um3 = drawn.crystal_volume_um3.low;
    return {crystal};
}

// At the detector, about the beam; arms and wedges reach beyond its edge.
std::vector<Occluder> make_beam_stop(const Recipe& recipe, const SceneRule& drawn) {
    const double distance_mm = recipe.distance_mm;
    const double size_mm = drawn.beam_stop_size_mm.low;
    const double penumbra_mm = drawn.beam_stop_penumbra_mm.low;
    const double direction_deg = drawn.beam_stop_direction_deg.low;
    if (drawn.beam_stop == "wedge") {
        const double direction = direction_deg * std::numbers::pi / 180.0;
        const Eigen::Vector2d towards(std::cos(direction), std::sin(direction));
        // The apex a little beyond the beam, so that the beam is stopped.
        const double opening_deg = drawn.beam_stop_opening_deg.low;
        return {wedge_stop(-0.05 * size_mm * towards, direction_deg, opening_deg, size_mm, distance_mm, penumbra_mm)};
    }
    std::vector<Occluder> stops;
    if (drawn.beam_stop == "none") return stops;
    stops.push_back(circular_stop(Eigen::Vector2d::Zero(), size_mm, distance_mm, penumbra_mm));
    if (drawn.beam_stop == "circle+arm") {
        const double direction = direction_deg * std::numbers::pi / 180.0;
        const double reach_mm = 2.0 * recipe.pixel_size_mm * (recipe.width_px + recipe.height_px);
        stops.push_back(linear_stop(Eigen::Vector2d::Zero(),
                                    reach_mm * Eigen::Vector2d(std::cos(direction), std::sin(direction)),
                                    drawn.beam_stop_arm_width_mm.low, distance_mm, penumbra_mm));
    }
    return stops;
}

ParticleShot make_particles(const Recipe& recipe, const SceneRule& drawn, const Beam& beam, std::uint64_t image_index,
                            const ClassModels& models) {
    const int count = static_cast<int>(std::lround(drawn.particle_count.low));
    if (!models.particle || count == 0) return {};
    ParticleDraw draw;
    draw.transform = models.particle;
    draw.count = count;
    draw.focus_depth_um = drawn.particle_focus_depth_um.low;
    draw.weakest_share = drawn.particle_weakest_share.low;
    ParticleShot shot = draw_particles(draw, beam, recipe.seed, image_index);
    if (particle_form(drawn.particle)) {
        const double stretch = drawn.particle_diameter_nm.low * 10.0 / models.particle->diameter_A();
        for (Particle& particle : shot.particles) particle.stretch *= stretch;
    }
    return shot;
}

}  // namespace

Detector make_detector(const Recipe& recipe, const SceneRule& drawn) {
    Detector detector;
    if (recipe.detector_preset == "none") {
        detector = flat_detector(recipe.width_px, recipe.height_px, recipe.pixel_size_mm, recipe.distance_mm,
                                 drawn.beam_fast_px.low, drawn.beam_slow_px.low);
        const Eigen::Vector3d shift_mm(drawn.shift_x_mm.low, drawn.shift_y_mm.low, 0.0);
        for (Panel& panel : detector.panels) panel.origin_mm += shift_mm;
    } else {
        DetectorPlacement placement;
        placement.distance_mm = recipe.distance_mm;
        placement.wavelength_A = recipe.wavelength_A;
        placement.shift_mm = {drawn.shift_x_mm.low, drawn.shift_y_mm.low};
        detector = detector_preset(recipe.detector_preset, placement).detector;
    }
    detector.sensor_thickness_um = recipe.sensor_thickness_um;
    detector.sensor_attenuation_length_um = recipe.sensor_attenuation_length_um;
    return detector;
}

Experiment make_experiment(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index,
                           const ClassModels& models) {
    Experiment experiment;
    experiment.beam = make_beam(recipe, drawn);
    experiment.detector = make_detector(recipe, drawn);
    experiment.crystals = make_crystals(recipe, drawn, image_index, models);
    experiment.background = {{"water", drawn.water_um.low}, {"air", drawn.air_um.low}};
    experiment.occluders = make_beam_stop(recipe, drawn);
    experiment.particles = make_particles(recipe, drawn, experiment.beam, image_index, models);
    for (const SmallAngleScene kind : small_angle_scenes(drawn.small_angle)) {
        const SmallAngle part =
            draw_small_angle(kind, drawn.small_angle_photons_per_px.low, experiment, recipe.seed, image_index);
        experiment.small_angle.components.insert(experiment.small_angle.components.end(), part.components.begin(),
                                                 part.components.end());
    }
    experiment.response = {.gain_adu_per_photon = recipe.gain_adu_per_photon,
                           .read_noise_rms_adu = recipe.read_noise_rms_adu,
                           .offset_adu = recipe.offset_adu,
                           .saturation_adu = recipe.saturation_adu};
    return experiment;
}

}  // namespace braggbench
