#include "explain/curve_rows.hpp"

#include "classifiers/metric.hpp"
#include "explain/map_baselines.hpp"

namespace braggbench {

void CurveRows::add(const Subject& subject, std::uint64_t seed, const ScoreFunction& score) {
    const ScoredImage& image = subject.image;
    const Image<float>& photons = image.view.photons;
    std::size_t next = 0;
    const auto add = [&](const MapId& id, const Image<float>& map) {
        if (next == rows_.size()) rows_.push_back({id, {}, {}});
        const CurveAreas areas =
            deletion_and_insertion(map, photons, subject.substrate.noisy, image.view.valid, score, seed);
        rows_[next].deletion.push_back({image.class_index, areas.deletion});
        rows_[next].insertion.push_back({image.class_index, areas.insertion});
        ++next;
    };
    for (const StageMap& map : subject.trained) {
        add({to_string(map.method), map.stage, "attribution", map.stride_px},
            register_to_input(map, photons.width, photons.height));
    }
    add({"random_pixels", input_stage, "baseline", 1.0}, uniform_map(photons.width, photons.height));
    add({"intensity", input_stage, "baseline", 1.0},
        intensity_map(photons, image.view.valid, image.beam_fast_px, image.beam_slow_px));
    ++images_;
}

nlohmann::json CurveRows::json(std::uint64_t seed) const {
    nlohmann::json list = nlohmann::json::array();
    for (const Row& row : rows_) {
        const auto mean = [seed](const std::vector<Sample>& samples) {
            const Estimate result = estimate(samples, Statistic::mean, seed);
            return Metric{result.value, result.ci95, std::nullopt};
        };
        list.push_back({{"map", row.id.map},
                        {"stage", row.id.stage},
                        {"kind", row.id.kind},
                        {"images", row.deletion.size()},
                        {"deletion", mean(row.deletion)},
                        {"insertion", mean(row.insertion)}});
    }
    return list;
}

}  // namespace braggbench
