// Deletion and insertion of several images: a row for every map of the trained network, beside random order and the
// order of intensity.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "explain/deletion_curves.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/subject.hpp"

namespace braggbench {

class CurveRows {
public:
    // The same kinds of maps for every subject.
    void add(const Subject& subject, std::uint64_t seed, const ScoreFunction& score);
    [[nodiscard]] int images() const { return images_; }
    // [{"map", "stage", "kind", "images", "deletion", "insertion"}]: means with bootstrap intervals.
    [[nodiscard]] nlohmann::json json(std::uint64_t seed) const;

private:
    struct Row {
        MapId id;
        std::vector<Sample> deletion;
        std::vector<Sample> insertion;
    };
    std::vector<Row> rows_;
    int images_ = 0;
};

}  // namespace braggbench
