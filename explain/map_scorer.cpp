#include "explain/map_scorer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "explain/map_baselines.hpp"
#include "explain/null_peaks.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// As coarse as the last stage of a stride-16 network at 256 px.
constexpr int random_coarse_units = 16;
// Some 250 MB of peaks.
constexpr std::size_t most_kept_peaks = 4'000'000;
constexpr int most_nulls = 10'000;

void check(const CorpusReader& corpus, const MapScorerOptions& options) {
    validate(options.view);
    if (options.view.framing == Framing::tiles || options.view.framing == Framing::quadrants ||
        (options.view.framing == Framing::crop && options.view.crop == CropPlace::random)) {
        throw UsageError(
            fmt::format("maps of view \"{}\" (a map belongs to one part of an image, always the same). Choose a view "
                        "that is not made of tiles, quadrants or random crops.",
                        to_text(options.view)));
    }
    if (corpus.info().peak_source == PeakSource::unknown) {
        throw UsageError(
            fmt::format("{} was imported and nobody has listed its peaks (maps are scored against them). Use a "
                        "simulated corpus, or import files with a CXI peak list.",
                        corpus.path().string()));
    }
    if (options.nulls_per_image < 1 || options.nulls_per_image > most_nulls) {
        throw UsageError(fmt::format("nulls = {} (they give the level of chance). Give from 1 to {}.",
                                     options.nulls_per_image, most_nulls));
    }
}

}  // namespace

MapScorer::MapScorer(const CorpusReader& corpus, MapScorerOptions options)
    : corpus_(&corpus),
      frame_(image_frame(corpus.info())),
      options_(std::move(options)),
      truth_(truth_of_label(corpus.info(), options_.label)) {
    check(corpus, options_);
    if (truth_ == LabelTruth::ice_rings) {
        ice_.emplace(corpus);
    }
}

std::shared_ptr<const std::vector<Peak>> MapScorer::label_peaks(std::int64_t image_index) const {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = peaks_.find(image_index); found != peaks_.end()) {
            return found->second;
        }
    }
    std::vector<Peak> visible = corpus_->peaks(image_index);
    std::erase_if(visible, [](const Peak& peak) { return !peak.visible; });
    auto kept = std::make_shared<const std::vector<Peak>>(peaks_of_label(truth_, std::move(visible)));
    const std::scoped_lock lock(mutex_);
    if (kept_peaks_ > most_kept_peaks) {
        peaks_.clear();
        kept_peaks_ = 0;
    }
    if (peaks_.emplace(image_index, kept).second) {
        kept_peaks_ += kept->size();
    }
    return kept;
}

// Other images' peaks where they would lie in this view.
std::vector<std::vector<Peak>> MapScorer::null_peaks(std::int64_t image_index, const View& view) const {
    const ImageTruth& here = corpus_->truth()[static_cast<std::size_t>(image_index)];
    const std::vector<std::int64_t> nulls =
        choose_nulls(image_index, corpus_->class_indices(), corpus_->splits(), options_.nulls_per_image, options_.seed,
                     [this](std::int64_t other) { return !label_peaks(other)->empty(); });
    std::vector<std::vector<Peak>> peaks;
    for (const std::int64_t null : nulls) {
        const ImageTruth& there = corpus_->truth()[static_cast<std::size_t>(null)];
        peaks.push_back(peaks_in_view(
            moved(*label_peaks(null), here.beam_fast_px - there.beam_fast_px, here.beam_slow_px - there.beam_slow_px),
            view));
    }
    return peaks;
}

void MapScorer::add_peak_targets(ScoredImage& image) const {
    image.peaks = peaks_in_view(*label_peaks(image.image_index), image.view);
    if (image.peaks.empty()) {
        return;
    }
    const std::vector<std::vector<Peak>> nulls = null_peaks(image.image_index, image.view);
    const auto targets = [&](double radius_px, const auto& choose) {
        const auto make = [&](const std::vector<Peak>& peaks) {
            return make_targets(choose(peaks), image.view.photons.width, image.view.photons.height, radius_px);
        };
        TargetSet set{make(image.peaks), {}};
        for (const std::vector<Peak>& null : nulls) {
            set.nulls.push_back(make(null));
        }
        return set;
    };
    const auto all = [](const std::vector<Peak>& peaks) { return std::span<const Peak>(peaks); };
    const LocalisationOptions& localisation = options_.localisation;
    image.targets = targets(localisation.radius_px, all);
    for (const double radius_px : localisation.other_radii_px) {
        image.other_radii.push_back(targets(radius_px, all));
    }
    for (const PeakBand& band : peak_bands) {
        image.bands.push_back(
            targets(localisation.radius_px, [&band](const std::vector<Peak>& peaks) { return in_band(peaks, band); }));
    }
}

void MapScorer::add_ring_targets(ScoredImage& image) const {
    const IceRings rings = ice_->rings(image.image_index, image.view);
    if (rings.radii_px.empty()) {
        return;
    }
    const auto targets = [&](double radius_px) {
        return ring_targets(rings, radius_px, options_.nulls_per_image, options_.seed, image.image_index);
    };
    image.targets = targets(options_.localisation.radius_px);
    for (const double radius_px : options_.localisation.other_radii_px) {
        image.other_radii.push_back(targets(radius_px));
    }
}

ScoredImage MapScorer::image(std::int64_t image_index) const {
    const CorpusInfo& info = corpus_->info();
    const auto at = static_cast<std::size_t>(image_index);
    const ImageTruth& truth = corpus_->truth()[at];
    ScoredImage image;
    image.image_index = image_index;
    image.class_index = corpus_->class_indices()[at];
    image.view = make_view(*corpus_->shared_image(image_index), frame_, options_.view,
                           info.response.gain_adu_per_photon, info.response.offset_adu);
    const ViewPlacement& placement = image.view.placement;
    image.beam_fast_px = (truth.beam_fast_px - placement.fast_offset_px) / placement.factor;
    image.beam_slow_px = (truth.beam_slow_px - placement.slow_offset_px) / placement.factor;
    image.targets.truth.width_px = image.view.photons.width;
    image.targets.truth.height_px = image.view.photons.height;
    if (truth_ == LabelTruth::ice_rings) {
        add_ring_targets(image);
    } else {
        add_peak_targets(image);
    }
    return image;
}

ImageScore MapScorer::score(const ScoredImage& image, const Image<float>& map, const ImageScore* oracle) const {
    const RankedMap ranked(map, image.view.valid);
    const auto score_set = [&](const TargetSet& set) {
        return score_map(ranked, set.truth, set.nulls, options_.localisation);
    };
    ImageScore result;
    result.class_index = image.class_index;
    result.has_peaks = image.has_truth();
    result.scores = score_set(image.targets);
    for (const TargetSet& set : image.other_radii) {
        result.other_radii.push_back(score_set(set));
    }
    for (const TargetSet& set : image.bands) {
        result.bands.push_back(score_some_peaks(ranked, set.truth, set.nulls, options_.localisation));
    }
    if (oracle != nullptr) {
        add_ceiling(result.scores, oracle->scores);
    }
    if (!image.has_truth()) {
        result.profile = map_profile(ranked, map, image.beam_fast_px, image.beam_slow_px,
                                     ice_ring_radii_px(corpus_->info(), image.view.placement.factor));
    }
    return result;
}

ImageScore MapScorer::score_uniform(const ScoredImage& image) const {
    const auto score_set = [&](const TargetSet& set) {
        return score_uniform_map(image.view.valid, set.truth, set.nulls, options_.localisation);
    };
    ImageScore result;
    result.class_index = image.class_index;
    result.has_peaks = image.has_truth();
    result.scores = score_set(image.targets);
    for (const TargetSet& set : image.other_radii) {
        result.other_radii.push_back(score_set(set));
    }
    for (const TargetSet& set : image.bands) {
        result.bands.push_back(score_set(set));
    }
    return result;
}

ImageScore MapScorer::score_oracle(const ScoredImage& image, const StageGrid& grid) const {
    ImageScore oracle = score(image, oracle_map(image.targets.truth, grid));
    add_ceiling(oracle.scores, oracle.scores);
    return oracle;
}

std::vector<NamedScore> MapScorer::score_baselines(const ScoredImage& image, const ImageScore& oracle) const {
    std::vector<NamedScore> scores;
    const auto add = [&](const char* name, ImageScore score) {
        add_ceiling(score.scores, oracle.scores);
        scores.push_back({{name, "input", "baseline", 1.0}, std::move(score)});
    };
    const int width = image.view.photons.width;
    const int height = image.view.photons.height;
    const auto key = static_cast<std::uint64_t>(image.image_index);
    const int units = std::min({random_coarse_units, width, height});
    add("uniform", score_uniform(image));
    add("random_pixels", score(image, random_pixel_map(width, height, options_.seed, key)));
    add("random_coarse", score(image, random_coarse_map(width, height, units, options_.seed, key)));
    // What knows where rings of ice always lie is the oracle itself.
    if (truth_ != LabelTruth::ice_rings) {
        add("radial_prior", score(image, radial_prior_map(image.targets.nulls, image.view.valid, image.beam_fast_px,
                                                          image.beam_slow_px)));
    }
    add("intensity",
        score(image, intensity_map(image.view.photons, image.view.valid, image.beam_fast_px, image.beam_slow_px)));
    add("difference_of_gaussians", score(image, difference_of_gaussians_map(image.view.photons, image.view.valid,
                                                                            image.beam_fast_px, image.beam_slow_px)));
    return scores;
}

void append(std::vector<MapRow>& rows, std::vector<NamedScore> scores) {
    if (rows.empty()) {
        for (const NamedScore& score : scores) {
            rows.push_back({score.id, {}});
        }
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        rows[i].images.push_back(std::move(scores[i].score));
    }
}

}  // namespace braggbench
