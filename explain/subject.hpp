// One image of an explanation with all its maps, and their scores.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "explain/attribution.hpp"
#include "explain/map_scorer.hpp"
#include "explain/substrate.hpp"

namespace braggbench {

struct Subject {
    ScoredImage image;
    Substrate substrate;
    std::optional<int> predicted;  // class
    int explained_output = 0;
    std::vector<StageMap> trained;
    std::vector<StageMap> untrained;    // none where the network cannot be made anew
    std::vector<StageMap> wrong_class;  // of methods of a single pass, where a class is explained
};

// The targets at the largest radius: their discs are what is removed to see whether a model uses the peaks, for the
// tails of a peak would show it.
const TargetSet& removed_targets(const ScoredImage& image);

// A table's row for a map of one of these lists; `kind` as MapId has it.
struct ListedMap {
    const StageMap* map;
    const char* kind;
};
std::vector<ListedMap> listed_maps(const Subject& subject);

// listed_maps(), then the baselines, then an oracle for every stage: in the same order for all images of a job.
std::vector<NamedScore> score_subject(const MapScorer& scorer, const Subject& subject);

}  // namespace braggbench
