// Everything that scoring maps of a corpus' images needs, whoever made the maps: each image's view, its truth and
// nulls, the scores of any map of it, and the maps that every table shows beside. docs/localisation.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/view.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/ice_ring_targets.hpp"
#include "explain/label_truth.hpp"
#include "explain/localisation.hpp"
#include "explain/peak_bands.hpp"
#include "explain/registration.hpp"

namespace braggbench {

struct MapScorerOptions {
    ViewSpec view;
    std::string label;  // a class or attribute of the corpus; empty = its class
    int nulls_per_image = 20;
    LocalisationOptions localisation;
    std::uint64_t seed = 1;
};

// One image, ready for its maps. Positions in the view's pixels.
struct ScoredImage {
    std::int64_t image_index = 0;
    int class_index = 0;
    View view;
    double beam_fast_px = 0.0;
    double beam_slow_px = 0.0;
    std::vector<Peak> peaks;             // those that the label is about; none for rings
    TargetSet targets;                   // at LocalisationOptions::radius_px
    std::vector<TargetSet> other_radii;  // at the others
    std::vector<TargetSet> bands;        // of `targets`, one per peak_bands; none for rings

    [[nodiscard]] bool has_truth() const { return !targets.truth.pixels.empty(); }
    // Without either, localisation is undefined.
    [[nodiscard]] bool is_defined() const { return has_truth() && !targets.nulls.empty(); }
};

struct NamedScore {
    MapId id;
    ImageScore score;
};

class MapScorer {
public:
    // Throws UsageError for options that cannot be met: a view of several parts, an unknown label, no nulls, a corpus
    // that nobody has listed the peaks of.
    MapScorer(const CorpusReader& corpus, MapScorerOptions options);

    [[nodiscard]] const MapScorerOptions& options() const { return options_; }
    [[nodiscard]] LabelTruth truth() const { return truth_; }

    // Both may be called from several threads.
    [[nodiscard]] ScoredImage image(std::int64_t image_index) const;
    // `map` is at the view's size. `oracle`, of the map's grid, sets the ceiling.
    [[nodiscard]] ImageScore score(const ScoredImage& image, const Image<float>& map,
                                   const ImageScore* oracle = nullptr) const;

    // The true targets on a grid: the best that a map at this grid can do. Its own ceiling is set.
    [[nodiscard]] ImageScore score_oracle(const ScoredImage& image, const StageGrid& grid) const;
    // The baselines, in the order of docs/localisation.md; `oracle` is that of the input's grid.
    [[nodiscard]] std::vector<NamedScore> score_baselines(const ScoredImage& image, const ImageScore& oracle) const;

private:
    [[nodiscard]] std::shared_ptr<const std::vector<Peak>> label_peaks(std::int64_t image_index) const;
    [[nodiscard]] std::vector<std::vector<Peak>> null_peaks(std::int64_t image_index, const View& view) const;
    void add_peak_targets(ScoredImage& image) const;
    void add_ring_targets(ScoredImage& image) const;
    [[nodiscard]] ImageScore score_uniform(const ScoredImage& image) const;

    const CorpusReader* corpus_;
    ImageFrame frame_;
    MapScorerOptions options_;
    LabelTruth truth_ = LabelTruth::peaks;
    std::optional<IceRingTruth> ice_;
    // Peaks by image, each read once as long as they fit: nulls share them.
    mutable std::mutex mutex_;
    mutable std::map<std::int64_t, std::shared_ptr<const std::vector<Peak>>> peaks_;
    mutable std::size_t kept_peaks_ = 0;
};

// Rows of a table, one per kind of map. The same kinds come in the same order for every image.
void append(std::vector<MapRow>& rows, std::vector<NamedScore> scores);

}  // namespace braggbench
