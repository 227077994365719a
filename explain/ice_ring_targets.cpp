#include "explain/ice_ring_targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "datasets/recipe_toml.hpp"
#include "explain/random_stages.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/ice_rings.hpp"
#include "simulator/ice_structure.hpp"
#include "simulator/render.hpp"

namespace braggbench {
namespace {

// Half the width of a ring where it is looked for in the image, and how far the ice beside it reaches.
constexpr double ring_half_width_px = 2.5;
constexpr double beside_px = 6.0;
constexpr double bin_px = 0.25;
// How far from its ring a null may lie.
constexpr double null_reach_px = 32.0;
constexpr int sectors = 36;

// Pixels per unit of tan(2 theta) on a detector square to the beam at the distance of this one.
double pixels_per_tangent(const Detector& detector) {
    const Panel& panel = detector.panels.front();
    return close_distance_mm(panel) / panel.pixel_size_mm;
}

// tan(2 theta) at a point of the image; none off the panels.
std::optional<double> tangent_at(const Detector& detector, double fast_px, double slow_px) {
    const Panel* panel = panel_at(detector, fast_px, slow_px);
    if (panel == nullptr) return std::nullopt;
    const Eigen::Vector3d place =
        lab_from_panel_mm(*panel, fast_px - panel->image_fast_px, slow_px - panel->image_slow_px);
    if (!(place.z() > 0.0)) return std::nullopt;
    return std::hypot(place.x(), place.y()) / place.z();
}

// Rings of either form of ice; hexagonal and cubic ones that are one ring on a detector are named once.
std::vector<double> possible_tangents(double wavelength_A) {
    constexpr double same = 0.003;
    std::vector<double> tangents;
    for (const IceForm form : {IceForm::hexagonal, IceForm::cubic}) {
        for (const IceFamily& family : ice_families(form)) {
            const double two_theta = 2.0 * std::asin(std::min(0.5 * wavelength_A * family.s_invA, 1.0));
            const double tangent = std::tan(two_theta);
            if (two_theta < 0.45 * std::numbers::pi &&
                std::none_of(tangents.begin(), tangents.end(),
                             [tangent](double known) { return std::abs(known - tangent) < same * tangent; })) {
                tangents.push_back(tangent);
            }
        }
    }
    std::sort(tangents.begin(), tangents.end());
    return tangents;
}

// Sums by distance from the beam.
struct RadialSums {
    std::vector<double> ice, others, pixels;

    struct Part {
        double ice = 0.0, others = 0.0, pixels = 0.0;
    };
    [[nodiscard]] Part between(double low_px, double high_px) const {
        Part part;
        const auto bin = [](double radius_px) { return static_cast<std::size_t>(std::max(radius_px, 0.0) / bin_px); };
        for (std::size_t i = bin(low_px); i < std::min(bin(high_px), pixels.size()); ++i) {
            part.ice += ice[i];
            part.others += others[i];
            part.pixels += pixels[i];
        }
        return part;
    }
};

RadialSums radial_sums(const Experiment& experiment, const Image<float>& with_ice, const Image<float>& without) {
    const double scale = pixels_per_tangent(experiment.detector);
    RadialSums sums;
    for (int slow = 0; slow < with_ice.height; ++slow) {
        for (int fast = 0; fast < with_ice.width; ++fast) {
            const auto tangent = tangent_at(experiment.detector, fast + 0.5, slow + 0.5);
            if (!tangent) continue;
            const auto bin = static_cast<std::size_t>(*tangent * scale / bin_px);
            if (bin >= sums.pixels.size()) {
                for (auto* column : {&sums.ice, &sums.others, &sums.pixels}) column->resize(bin + 1);
            }
            sums.ice[bin] += with_ice(fast, slow) - without(fast, slow);
            sums.others[bin] += without(fast, slow);
            sums.pixels[bin] += 1.0;
        }
    }
    return sums;
}

bool is_visible(const RadialSums& sums, double radius_px, double read_noise_photons) {
    const auto ring = sums.between(radius_px - ring_half_width_px, radius_px + ring_half_width_px);
    const auto inside = sums.between(radius_px - beside_px, radius_px - ring_half_width_px);
    const auto outside = sums.between(radius_px + ring_half_width_px, radius_px + beside_px);
    const double beside_pixels = inside.pixels + outside.pixels;
    if (ring.pixels == 0.0 || beside_pixels == 0.0) return false;
    const double excess = ring.ice - ring.pixels * (inside.ice + outside.ice) / beside_pixels;
    const double noise = std::sqrt(ring.ice + ring.others + ring.pixels * read_noise_photons * read_noise_photons);
    return excess >= visible_peak_min_snr * noise && excess > 0.0;
}

// Pixels of a view by their whole radius, so that a ring is found without walking the image.
class RadialIndex {
public:
    explicit RadialIndex(const IceRings& rings) : rings_(rings) {
        for (std::size_t i = 0; i < rings.radius_px.size(); ++i) {
            const float radius = rings.radius_px.pixels[i];
            if (radius < 0.0F) continue;
            const auto bin = static_cast<std::size_t>(radius);
            if (bin >= bins_.size()) bins_.resize(bin + 1);
            bins_[bin].push_back(static_cast<std::uint32_t>(i));
        }
    }

    // Appends the ring's sectors to the targets' discs.
    void add_ring(double radius_px, double half_width_px, PeakTargets& targets) const {
        std::vector<std::vector<std::uint32_t>> parts(sectors);
        const auto first = static_cast<std::size_t>(std::max(radius_px - half_width_px, 0.0));
        const auto last = static_cast<std::size_t>(radius_px + half_width_px);
        for (std::size_t bin = first; bin <= last && bin < bins_.size(); ++bin) {
            for (const std::uint32_t pixel : bins_[bin]) {
                if (std::abs(rings_.radius_px.pixels[pixel] - radius_px) <= half_width_px) {
                    parts[sector_of(pixel)].push_back(pixel);
                }
            }
        }
        for (std::vector<std::uint32_t>& part : parts) {
            if (!part.empty()) targets.discs.push_back(std::move(part));
        }
    }
    [[nodiscard]] double largest_px() const { return static_cast<double>(bins_.size()); }

private:
    [[nodiscard]] std::size_t sector_of(std::uint32_t pixel) const {
        const auto width = static_cast<std::uint32_t>(rings_.radius_px.width);
        const double angle =
            std::atan2(pixel / width + 0.5 - rings_.beam_slow_px, pixel % width + 0.5 - rings_.beam_fast_px);
        const double turn = 0.5 + 0.5 * angle / std::numbers::pi;
        return std::min(static_cast<std::size_t>(turn * sectors), std::size_t{sectors - 1});
    }

    const IceRings& rings_;
    std::vector<std::vector<std::uint32_t>> bins_;
};

// A radius for the null of one ring on the side asked for, else on the other; none if there is no room.
std::optional<double> null_radius(const std::vector<double>& rings_px, double ring_px, double half_width_px,
                                  double largest_px, bool outward, RandomStream& random) {
    constexpr int tries = 64;
    const double clear_px = 2.0 * half_width_px + 1.0;
    for (const bool out : {outward, !outward}) {
        for (int i = 0; i < tries; ++i) {
            const double offset = random.uniform(clear_px, clear_px + null_reach_px);
            const double radius = out ? ring_px + offset : ring_px - offset;
            if (radius > half_width_px && radius + half_width_px < largest_px &&
                std::all_of(rings_px.begin(), rings_px.end(),
                            [&](double other) { return std::abs(radius - other) >= clear_px; })) {
                return radius;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

IceRingTruth::IceRingTruth(const CorpusReader& corpus) : corpus_(&corpus) {
    if (corpus.info().recipe_toml.empty() || corpus.info().peak_source != PeakSource::simulated) {
        throw UsageError(
            fmt::format("{} was imported (where its ice rings are is not known). Use a simulated corpus, or a label "
                        "about peaks.",
                        corpus.path().string()));
    }
    recipe_ = parse_recipe(corpus.info().recipe_toml, corpus.path().string() + ", its recipe");
    assignments_ = draw_assignments(recipe_);
}

IceRings IceRingTruth::rings(std::int64_t image_index, const View& view) const {
    IceRings rings;
    const std::uint64_t key = scene_key(recipe_, image_index);
    SceneRule scene = draw_scene(recipe_, assignments_[static_cast<std::size_t>(image_index)], key);
    // Neither takes part, and both would ask for their models.
    scene.crystal = false;
    scene.particle = "none";
    Experiment experiment = make_experiment(recipe_, scene, key, {});
    const ImageTruth& truth = corpus_->truth()[static_cast<std::size_t>(image_index)];
    rings.beam_fast_px = (truth.beam_fast_px - view.placement.fast_offset_px) / view.placement.factor;
    rings.beam_slow_px = (truth.beam_slow_px - view.placement.slow_offset_px) / view.placement.factor;
    if (experiment.ice.phases.empty() && experiment.crystals.empty()) return rings;

    const Image<float> with_ice = render(experiment).expected_photons;
    const double wavelength_A = experiment.beam.wavelength_A * (1.0 + bandwidth_of(experiment.beam).shift);
    experiment.ice.phases.clear();
    experiment.crystals.clear();
    const RadialSums sums = radial_sums(experiment, with_ice, render(experiment).expected_photons);
    const double scale = pixels_per_tangent(experiment.detector);
    const double read_noise = experiment.response.read_noise_rms_adu / experiment.response.gain_adu_per_photon;
    for (const double tangent : possible_tangents(wavelength_A)) {
        if (is_visible(sums, tangent * scale, read_noise)) {
            rings.radii_px.push_back(tangent * scale / view.placement.factor);
        }
    }
    rings.radius_px = Image<float>(view.photons.width, view.photons.height, -1.0F);
    for (int slow = 0; slow < view.photons.height; ++slow) {
        for (int fast = 0; fast < view.photons.width; ++fast) {
            const auto tangent =
                tangent_at(experiment.detector, view.placement.fast_offset_px + view.placement.factor * (fast + 0.5),
                           view.placement.slow_offset_px + view.placement.factor * (slow + 0.5));
            if (tangent) rings.radius_px(fast, slow) = static_cast<float>(*tangent * scale / view.placement.factor);
        }
    }
    return rings;
}

TargetSet ring_targets(const IceRings& rings, double radius_px, int nulls, std::uint64_t seed,
                       std::int64_t image_index) {
    const double half_width_px = radius_px + 0.5;
    const RadialIndex index(rings);
    TargetSet set;
    PeakTargets empty;
    empty.width_px = rings.radius_px.width;
    empty.height_px = rings.radius_px.height;
    set.truth = empty;
    set.nulls.assign(static_cast<std::size_t>(nulls), empty);
    RandomStream random(seed, static_cast<std::uint64_t>(image_index), stage_ring_nulls);
    for (const double ring_px : rings.radii_px) {
        std::vector<double> places;
        for (int j = 0; j < nulls; ++j) {
            const auto place =
                null_radius(rings.radii_px, ring_px, half_width_px, index.largest_px(), j % 2 == 0, random);
            if (!place) break;
            places.push_back(*place);
        }
        if (places.size() < set.nulls.size()) continue;
        index.add_ring(ring_px, half_width_px, set.truth);
        for (std::size_t j = 0; j < places.size(); ++j) {
            index.add_ring(places[j], half_width_px, set.nulls[j]);
        }
    }
    unite_discs(set.truth);
    for (PeakTargets& null : set.nulls) unite_discs(null);
    return set;
}

}  // namespace braggbench
