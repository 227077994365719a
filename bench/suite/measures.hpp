// Measures from values per image.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/results/results.hpp"
#include "datasets/corpus.hpp"
#include "explain/explanation_rows.hpp"

namespace braggbench {

// One value for each of some images.
struct ImageValues {
    std::vector<std::int64_t> images;  // indices in the corpus
    std::vector<double> values;
    void add(std::int64_t image, double value) {
        images.push_back(image);
        values.push_back(value);
    }
};

// Makes measures of one corpus: their units tell the images by the checksums of their pixels and their classes, and so
// are the same wherever and by whichever version these were made.
class MeasureMaker {
public:
    // `scored` tells apart what the values belong to besides the images, as the weights of a network; may be empty.
    MeasureMaker(const CorpusReader& corpus, std::string scored);

    // Mean or median with its bootstrap interval, resampled within classes. Undefined without values.
    [[nodiscard]] Measure of(const std::string& id, const ImageValues& values, Better better,
                             std::optional<double> chance, Statistic statistic = Statistic::mean,
                             const std::string& unit = "") const;
    // Of values that are 0 or 1, with Wilson's interval.
    [[nodiscard]] Measure share_of(const std::string& id, const ImageValues& values,
                                   std::optional<double> chance) const;

private:
    [[nodiscard]] Measure bare(const std::string& id, const ImageValues& values, Better better) const;

    const CorpusReader* corpus_;
    std::string scored_;
};

// A score without values per image.
Measure plain_score(const std::string& id, const Metric& metric, std::int64_t n, Better better = Better::higher);
// Reads {"value", "ci95", "chance"}.
Metric metric_of(const nlohmann::json& json);
Measure exact_measure(const std::string& id, const std::string& text, std::int64_t n);

// What has a known answer and another one came out: its text begins with "wrong: ".
Measure wrong_measure(const std::string& id, const std::string& text, std::int64_t n);
bool is_wrong(const Measure& measure);

}  // namespace braggbench
