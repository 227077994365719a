// From a drawn scene to an Experiment, one function per part of it.
#include <cmath>
#include <string>

#include "labels/draw.hpp"
#include "labels/streams.hpp"
#include "simulator/constants.hpp"
#include "simulator/detector_presets.hpp"
#include "simulator/ice.hpp"
#include "simulator/lattices.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

int whole(const Distribution& drawn) { return static_cast<int>(std::lround(drawn.low)); }

Spectrum make_spectrum(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index) {
    const double rms = drawn.bandwidth_rms_fraction.low;
    if (drawn.spectrum == "top-hat") return Spectrum::top_hat(std::sqrt(12.0) * rms);
    if (drawn.spectrum == "two-colour") return Spectrum::two_colour(drawn.colour_separation_fraction.low, rms);
    if (drawn.spectrum == "sase") {
        RandomStream random = stream_of(recipe, image_index, "beam.spikes");
        const int spikes = whole(drawn.sase_spikes);
        // As many spikes as there are coherence times in the pulse: each is about 1/n of the band.
        return Spectrum::sase(rms, rms / spikes, spikes, random);
    }
    return Spectrum::gaussian(rms);
}

Beam make_beam(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index) {
    return {.wavelength_A = recipe.wavelength_A,
            .spectrum = make_spectrum(recipe, drawn, image_index),
            .divergence_rms_mrad = drawn.divergence_rms_mrad.low,
            .fluence_photons_per_m2 = drawn.fluence_photons_per_m2.low,
            .diameter_um = recipe.beam_diameter_um,
            .polarization = recipe.polarization};
}

std::vector<Crystal> make_crystals(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index,
                                   const ClassModels& models) {
    if (!drawn.crystal) return {};
    RandomStream orientation = stream_of(recipe, image_index, "crystal.orientation");
    Crystal crystal;
    crystal.structure_factors = models.structure_factors;
    crystal.lab_from_crystal = orientation.rotation();
    crystal.cells_per_block.setConstant(drawn.cells_per_block.low);
    if (drawn.mosaic_law == "nanobragg-cap") crystal.mosaic_law = MosaicLaw::nanobragg_cap;
    crystal.mosaic_spread_rms_deg.setConstant(drawn.mosaic_spread_rms_deg.low);
    crystal.illuminated_volume_um3 = drawn.crystal_volume_um3.low;
    crystal.b_factor_A2 = drawn.b_factor_A2.low;
    crystal.diffuse_halo_fraction = drawn.halo_fraction.low;
    crystal.diffuse_halo_rms_invA = drawn.halo_rms_invA.low;
    LatticeDraw draw;
    draw.count = whole(drawn.lattices);
    if (drawn.misorientation == "rms") draw.misorientation = Misorientation::rms_angle;
    if (drawn.misorientation == "fixed") draw.misorientation = Misorientation::fixed_angle;
    draw.misorientation_deg = drawn.misorientation_deg.low;
    draw.volume_spread = drawn.volume_spread.low;
    draw.pieces = whole(drawn.pieces);
    draw.crack_rms_deg = drawn.crack_rms_deg.low;
    draw.further_volume = drawn.further_volume.low;
    draw.further_mosaic_spread_rms_deg = drawn.further_mosaic_spread_rms_deg.low;
    draw.twin_law = drawn.twin_law;
    draw.twin_fraction = drawn.twin_fraction.low;
    RandomStream further = stream_of(recipe, image_index, "crystal.further_lattices");
    return lattices(crystal, draw, further);
}

void add_background_layers(const SceneRule& drawn, Experiment& experiment) {
    experiment.background = {{"water", drawn.water_um.low}, {"air", drawn.air_um.low}};
    if (drawn.medium != "none") experiment.background.push_back({drawn.medium, drawn.medium_um.low});
    if (drawn.film_um.low > 0) {
        FilmShadow film;
        const double azimuth = drawn.film_azimuth_deg.low * rad_per_deg;
        film.normal = {std::cos(azimuth), std::sin(azimuth), 0.0};
        film.thickness_um = drawn.film_um.low;
        experiment.anisotropy.films.push_back(film);
    }
    if (drawn.streak_photons_per_px.low > 0) {
        JetStreak streak;
        streak.jet_azimuth_deg = drawn.streak_azimuth_deg.low;
        streak.photons_per_px = drawn.streak_photons_per_px.low;
        experiment.anisotropy.streaks.push_back(streak);
    }
}

void add_ice(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index, Experiment& experiment) {
    experiment.ice.seed = recipe.seed;
    experiment.ice.image_index = image_index;
    experiment.ice.damage_photons_per_px = drawn.ice_damage_photons_per_px;
    if (drawn.ice_um.low > 0) {
        IcePhase phase;
        phase.thickness_um = drawn.ice_um.low;
        phase.cubicity = drawn.ice_cubicity.low;
        phase.crystallite_nm = drawn.ice_crystallite_nm.low;
        phase.grains = drawn.ice_grains.low;
        phase.march = drawn.ice_march.low;
        experiment.ice.phases.push_back(phase);
    }
    IceGrain grain;
    grain.size_um = drawn.ice_single_grain_um.low;
    for (int i = 0; i < whole(drawn.ice_single_grains); ++i) {
        // A seed of its own for each grain of the image.
        const std::uint64_t seed = recipe.seed + 0x9E3779B97F4A7C15ULL * static_cast<std::uint64_t>(i + 1);
        experiment.crystals.push_back(ice_grain(grain, experiment.beam, seed, image_index));
    }
}

// At the detector, about the beam; arms and wedges reach beyond its edge.
std::vector<Occluder> make_beam_stop(const Recipe& recipe, const SceneRule& drawn) {
    const double distance_mm = recipe.distance_mm;
    const double size_mm = drawn.beam_stop_size_mm.low;
    const double penumbra_mm = drawn.beam_stop_penumbra_mm.low;
    const double direction_deg = drawn.beam_stop_direction_deg.low;
    if (drawn.beam_stop == "wedge") {
        const double direction = direction_deg * rad_per_deg;
        const Eigen::Vector2d towards(std::cos(direction), std::sin(direction));
        // The apex a little beyond the beam, so that the beam is stopped.
        const double opening_deg = drawn.beam_stop_opening_deg.low;
        return {wedge_stop(-0.05 * size_mm * towards, direction_deg, opening_deg, size_mm, distance_mm, penumbra_mm)};
    }
    std::vector<Occluder> stops;
    if (drawn.beam_stop == "none") return stops;
    stops.push_back(circular_stop(Eigen::Vector2d::Zero(), size_mm, distance_mm, penumbra_mm));
    if (drawn.beam_stop == "circle+arm") {
        const double direction = direction_deg * rad_per_deg;
        const double reach_mm = 2.0 * recipe.pixel_size_mm * (recipe.width_px + recipe.height_px);
        stops.push_back(linear_stop(Eigen::Vector2d::Zero(),
                                    reach_mm * Eigen::Vector2d(std::cos(direction), std::sin(direction)),
                                    drawn.beam_stop_arm_width_mm.low, distance_mm, penumbra_mm));
    }
    return stops;
}

ParticleShot make_particles(const Recipe& recipe, const SceneRule& drawn, const Beam& beam, std::uint64_t image_index,
                            const ClassModels& models) {
    const int count = whole(drawn.particle_count);
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
        // Moved when assembled, so that the image is the same size wherever it stands.
        const Eigen::Vector2d shift_mm(drawn.shift_x_mm.low, drawn.shift_y_mm.low);
        if (!recipe.assembled) placement.shift_mm = shift_mm;
        detector = detector_preset(recipe.detector_preset, placement).detector;
        if (recipe.assembled) {
            detector = assembled(detector);
            for (Panel& panel : detector.panels) panel.origin_mm += Eigen::Vector3d(shift_mm.x(), shift_mm.y(), 0.0);
        }
    }
    detector.sensor_thickness_um = recipe.sensor_thickness_um;
    detector.sensor_attenuation_length_um = recipe.sensor_attenuation_length_um;
    return detector;
}

Experiment make_experiment(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index,
                           const ClassModels& models) {
    Experiment experiment;
    experiment.beam = make_beam(recipe, drawn, image_index);
    experiment.detector = make_detector(recipe, drawn);
    experiment.crystals = make_crystals(recipe, drawn, image_index, models);
    add_background_layers(drawn, experiment);
    add_ice(recipe, drawn, image_index, experiment);
    experiment.occluders = make_beam_stop(recipe, drawn);
    experiment.particles = make_particles(recipe, drawn, experiment.beam, image_index, models);
    for (const SmallAngleScene kind : small_angle_scenes(drawn.small_angle)) {
        const SmallAngle part =
            draw_small_angle(kind, drawn.small_angle_photons_per_px.low, experiment, recipe.seed, image_index);
        experiment.small_angle.components.insert(experiment.small_angle.components.end(), part.components.begin(),
                                                 part.components.end());
    }
    experiment.response = recipe.response;
    experiment.integration = {recipe.integrator == "pixels" ? Integrator::pixels : Integrator::spots,
                              recipe.integrator_samples, recipe.integrator_oversample};
    if (experiment.response.dead_time.dead_time_ns > 0) {
        experiment.response.dead_time.model = DeadTime::Model::non_paralyzable;
    }
    return experiment;
}

}  // namespace braggbench
