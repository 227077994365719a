#include "labels/draw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace braggbench {

namespace {

// `total` things shared in proportion to `weights`: floors first, the rest to the largest remainders, ties to the
// earlier entry.
std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<double>& weights) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<std::int64_t> counts(weights.size());
    std::vector<std::pair<double, std::size_t>> remainders(weights.size());
    std::int64_t given = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double share = static_cast<double>(total) * weights[i] / sum;
        counts[i] = static_cast<std::int64_t>(std::floor(share));
        remainders[i] = {-(share - std::floor(share)), i};
        given += counts[i];
    }
    std::sort(remainders.begin(), remainders.end());
    for (std::size_t i = 0; given < total; ++i, ++given) ++counts[remainders[i % remainders.size()].second];
    return counts;
}

void shuffle(std::vector<Assignment>& assignments, RandomStream& random) {
    for (std::size_t i = assignments.size(); i > 1; --i) {
        const auto j = static_cast<std::size_t>(random.uniform() * static_cast<double>(i));
        std::swap(assignments[i - 1], assignments[std::min(j, i - 1)]);
    }
}

}  // namespace

std::vector<Assignment> draw_assignments(const Recipe& recipe) {
    std::vector<double> weights;
    for (const auto& rule : recipe.classes) weights.push_back(rule.weight);
    const auto counts = apportion(recipe.image_count, weights);

    const std::array<double, 3> split_shares = {1.0 - recipe.validation_fraction - recipe.test_fraction,
                                                recipe.validation_fraction, recipe.test_fraction};
    std::vector<Assignment> assignments;
    assignments.reserve(static_cast<std::size_t>(recipe.image_count));
    for (std::size_t c = 0; c < counts.size(); ++c) {
        const auto per_split = apportion(counts[c], {split_shares.begin(), split_shares.end()});
        for (std::size_t s = 0; s < per_split.size(); ++s) {
            assignments.insert(assignments.end(), static_cast<std::size_t>(per_split[s]),
                               Assignment{static_cast<int>(c), static_cast<Split>(s)});
        }
    }
    RandomStream random(recipe.seed, 0, Stage::split);
    shuffle(assignments, random);
    return assignments;
}

Experiment draw_experiment(const Recipe& recipe, const Assignment& assignment, std::uint64_t image_index,
                           std::shared_ptr<const StructureFactors> structure_factors) {
    const ClassRule& rule = recipe.classes[static_cast<std::size_t>(assignment.class_index)];
    // Every quantity is drawn in every image, used or not, so that two recipes that differ in one class rule give the
    // same scene otherwise.
    RandomStream random(recipe.seed, image_index, Stage::scene);
    const double beam_fast_px = recipe.beam_fast_px.draw(random);
    const double beam_slow_px = recipe.beam_slow_px.draw(random);
    const double cells_per_block = recipe.cells_per_block.draw(random);
    const double mosaic_spread_rms_deg = recipe.mosaic_spread_rms_deg.draw(random);
    const double volume_um3 = recipe.crystal_volume_um3.draw(random);
    const double water_um = recipe.water_um.draw(random);
    const double air_um = recipe.air_um.draw(random);
    const Eigen::Matrix3d orientation = random.rotation();
    const double fluence = rule.fluence_photons_per_m2.draw(random);

    Experiment experiment;
    experiment.beam = {.wavelength_A = recipe.wavelength_A,
                       .spectrum = Spectrum::gaussian(recipe.bandwidth_rms_fraction),
                       .divergence_rms_mrad = recipe.divergence_rms_mrad,
                       .fluence_photons_per_m2 = fluence,
                       .diameter_um = recipe.beam_diameter_um,
                       .polarization = recipe.polarization};
    experiment.detector = flat_detector(recipe.width_px, recipe.height_px, recipe.pixel_size_mm, recipe.distance_mm,
                                        beam_fast_px, beam_slow_px);
    experiment.detector.sensor_thickness_um = recipe.sensor_thickness_um;
    experiment.detector.sensor_attenuation_length_um = recipe.sensor_attenuation_length_um;
    if (rule.crystal) {
        Crystal crystal;
        crystal.structure_factors = std::move(structure_factors);
        crystal.lab_from_crystal = orientation;
        crystal.cells_per_block = Eigen::Vector3d::Constant(cells_per_block);
        crystal.mosaic_spread_rms_deg.setConstant(mosaic_spread_rms_deg);
        crystal.illuminated_volume_um3 = volume_um3;
        experiment.crystals.push_back(std::move(crystal));
    }
    experiment.background = {{"water", water_um}, {"air", air_um}};
    experiment.response = {.gain_adu_per_photon = recipe.gain_adu_per_photon,
                           .read_noise_rms_adu = recipe.read_noise_rms_adu,
                           .offset_adu = recipe.offset_adu,
                           .saturation_adu = recipe.saturation_adu};
    return experiment;
}

}  // namespace braggbench
