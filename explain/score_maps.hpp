// The whole `score-maps` job: a file of anyone's saliency maps scored against a corpus' truth, beside the maps that
// need no network. What is done and why: docs/localisation.md.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "datasets/corpus.hpp"
#include "explain/localisation.hpp"
#include "explain/map_file.hpp"

namespace braggbench {

struct ScoreMapsOptions {
    std::string label;  // a class or attribute of the corpus; empty = its class
    int nulls_per_image = 20;
    LocalisationOptions localisation;
    std::uint64_t seed = 1;
    int threads = 0;  // 0 = one per core; the result does not depend on it
};

// The object of docs/results.md, "score-maps". `progress(done, total)` counts images.
nlohmann::json score_maps(const MapFile& maps, const CorpusReader& corpus, const ScoreMapsOptions& options,
                          const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
