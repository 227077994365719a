#include "explain/subject.hpp"

#include <algorithm>
#include <utility>

#include "explain/registration.hpp"

namespace braggbench {
namespace {

StageGrid grid_of(const StageMap& map) { return {map.map.width, map.map.height, map.stride_px, map.start_px}; }

}  // namespace

const TargetSet& removed_targets(const ScoredImage& image) {
    const TargetSet* largest = &image.targets;
    for (const TargetSet& set : image.other_radii) {
        if (set.truth.pixels.size() > largest->truth.pixels.size()) largest = &set;
    }
    return *largest;
}

std::vector<ListedMap> listed_maps(const Subject& subject) {
    std::vector<ListedMap> listed;
    for (const auto& [maps, kind] : {std::pair(&subject.trained, "attribution"),
                                     {&subject.untrained, "untrained"},
                                     {&subject.wrong_class, "wrong_class"}}) {
        for (const StageMap& map : *maps) listed.push_back({&map, kind});
    }
    return listed;
}

std::vector<NamedScore> score_subject(const MapScorer& scorer, const Subject& subject) {
    const int width_px = subject.image.view.photons.width;
    const int height_px = subject.image.view.photons.height;
    const auto correct =
        subject.predicted ? std::optional(*subject.predicted == subject.image.class_index) : std::nullopt;
    std::vector<NamedScore> oracles;
    const auto oracle_of = [&](const std::string& stage) {
        return std::ranges::find_if(oracles, [&](const NamedScore& oracle) { return oracle.id.stage == stage; });
    };
    const auto add_oracle = [&](const std::string& stage, const StageGrid& grid) {
        if (oracle_of(stage) != oracles.end()) return;
        oracles.push_back({{"oracle", stage, "oracle", grid.stride_px}, scorer.score_oracle(subject.image, grid)});
    };
    const std::vector<ListedMap> listed = listed_maps(subject);
    add_oracle(input_stage, {width_px, height_px, 1.0, 0.0});
    for (const auto& [map, kind] : listed) add_oracle(map->stage, grid_of(*map));

    std::vector<NamedScore> scores;
    for (const auto& [map, kind] : listed) {
        const Image<float> registered = register_to_input(*map, width_px, height_px);
        scores.push_back({{to_string(map->method), map->stage, kind, map->stride_px},
                          scorer.score(subject.image, registered, &oracle_of(map->stage)->score)});
    }
    std::ranges::move(scorer.score_baselines(subject.image, oracles.front().score), std::back_inserter(scores));
    std::ranges::move(oracles, std::back_inserter(scores));
    for (NamedScore& score : scores) score.score.correct = correct;
    return scores;
}

}  // namespace braggbench
